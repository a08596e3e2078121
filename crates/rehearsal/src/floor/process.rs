//! The floor in a process of its own, so that it competes with the generator as the measured server does.
//!
//! The program that measures starts itself again with arguments that lead to [`announce_and_serve`]. The two
//! ends talk over the child's standard streams: it writes its address, and ends when its input ends, that is
//! also when the parent is killed.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::{Floor, listen};

/// A floor server in another process.
#[derive(Debug)]
pub struct FloorProcess {
    child: Child,
    address: SocketAddr,
}

impl FloorProcess {
    /// Starts the command, which must end up in [`announce_and_serve`], and waits for its address.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        if let Ok(address) = line.trim().parse() {
            return Ok(Self { child, address });
        }
        let status = end(&mut child)?;
        let problem = format!("the floor process gave no address but {line:?}, and ended with {status}");
        Err(io::Error::new(io::ErrorKind::InvalidData, problem))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for FloorProcess {
    fn drop(&mut self) {
        // The child notices the end of its input by itself; this only makes it sooner.
        let _ = end(&mut self.child);
    }
}

fn end(child: &mut Child) -> io::Result<std::process::ExitStatus> {
    child.kill()?;
    child.wait()
}

/// Serves on a free port of 127.0.0.1, writes the address as one line to standard output, and returns when
/// standard input ends.
pub fn announce_and_serve(floor: Floor) -> io::Result<()> {
    let listener = listen((Ipv4Addr::LOCALHOST, 0).into())?;
    let mut output = io::stdout().lock();
    writeln!(output, "{}", listener.local_addr()?)?;
    output.flush()?;
    drop(output);
    // Ends with the process, which is when this function's caller returns from main.
    thread::spawn(move || floor.serve_blocking(listener));
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(())
}
