use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_core::{Expiry, SessionRecord, SessionStore, StoreErrorKind};
use dcv_resolver_redis::{RedisConfig, RedisProtocol, RedisStore};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::message;
use crate::runtime::block_on;

/// The value under a session's key in Redis, through a connection: a record is the
/// one of the value, with its expiry, and anything else is an error and not absent.
pub fn redis_value(data: &[u8]) {
    let found = SERVER.with_borrow_mut(|server| {
        let server = server.get_or_insert_with(Server::start);
        data.clone_into(&mut server.value.lock().unwrap());
        block_on(server.store.lookup(&"console".parse().unwrap()))
    });
    match found {
        Ok(record) => assert_eq!(Some(record.expect("there is a value")), by_lines(data)),
        Err(error) => {
            message::check_up_to(&error.chain().to_string().replace('\n', " "), 4096);
            match error.kind() {
                StoreErrorKind::Incompatible => {
                    assert!(data.starts_with(b"dcv-session/"));
                    assert!(by_lines(data).is_none(), "{}", error.chain());
                }
                StoreErrorKind::CorruptRecord => {
                    assert!(by_lines(data).is_none(), "{}", error.chain());
                }
                _ => panic!("{}", error.chain()),
            }
        }
    }
}

/// Reads a value as it is documented.
fn by_lines(data: &[u8]) -> Option<SessionRecord> {
    let text = std::str::from_utf8(data).ok()?;
    let (header, body) = text.split_once('\n')?;
    let [version, expires_at, lease] = header.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let expiry = match expires_at {
        "never" => Expiry::Never,
        number => {
            let at: i64 = number.parse().ok()?;
            // Written in one way only.
            (at.to_string() == number).then_some(())?;
            Expiry::At(dcv_resolver_core::Timestamp::from_unix_ms(at))
        }
    };
    let digits = match version {
        "dcv-session/1" => Some(lease).filter(|digits| digits.len() == 32),
        "dcv-session/2" => lease
            .strip_prefix("sha256:")
            .filter(|digits| digits.len() == 64),
        _ => return None,
    };
    let is_digit = |digit: char| matches!(digit, '0'..='9' | 'a'..='f');
    let is_lease = digits.is_some_and(|digits| digits.chars().all(is_digit));
    let record: SessionRecord = serde_json::from_str(body).ok()?;
    let is_asked_for = record.id().as_str() == "console";
    ((is_lease || lease == "none") && is_asked_for).then(|| record.with_expiry(expiry))
}

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

/// A server with one value, and a store that is connected to it.
struct Server {
    value: Arc<Mutex<Vec<u8>>>,
    store: RedisStore,
}

impl Server {
    fn start() -> Self {
        let value = Arc::new(Mutex::new(Vec::new()));
        let served = Arc::clone(&value);
        let address = block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(serve(client, Arc::clone(&served)));
                }
            });
            address
        });
        let config = format!("redis://{address}").parse::<RedisConfig>().unwrap();
        let config = config
            .protocol(RedisProtocol::Resp2)
            .connect_timeout(Duration::from_secs(60))
            .response_timeout(Duration::from_secs(60));
        let store = block_on(async { RedisStore::new(config) });
        Self { value, store }
    }
}

/// Answers each GET with the value, and each other command with OK.
async fn serve(client: TcpStream, value: Arc<Mutex<Vec<u8>>>) -> Option<()> {
    let (from_client, mut to_client) = client.into_split();
    let mut from_client = BufReader::new(from_client);
    loop {
        let count = length(&mut from_client).await?;
        let mut words = Vec::new();
        for _ in 0..count {
            let mut word = vec![0; length(&mut from_client).await? + 2];
            from_client.read_exact(&mut word).await.ok()?;
            words.push(word);
        }
        let reply = if words.first()?.eq_ignore_ascii_case(b"GET\r\n") {
            let value = value.lock().unwrap().clone();
            [format!("${}\r\n", value.len()).as_bytes(), &value, b"\r\n"].concat()
        } else {
            b"+OK\r\n".to_vec()
        };
        to_client.write_all(&reply).await.ok()?;
    }
}

/// Reads `*3` or `$3`.
async fn length(from: &mut (impl AsyncBufReadExt + Unpin)) -> Option<usize> {
    let mut line = String::new();
    from.read_line(&mut line).await.ok()?;
    line.trim().get(1..)?.parse().ok()
}
