"""Runs a command on a pseudo-terminal, types Ctrl-C after a while if asked, and prints what came out as it came.

usage: run.py TRIGGER COMMAND... ; a TRIGGER that is not empty: Ctrl-C once that text has been shown
Exit code: that of the command. The terminal has 80 columns and 24 rows. Last line: what the terminal is set to afterwards.
"""
import fcntl, os, pty, select, struct, sys, termios

trigger = sys.argv[1].encode()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(terminal)
shown = b""
typed = False
while True:
    if not select.select([terminal], [], [], 90)[0]:
        sys.exit("nothing was shown for 90 s; before that:\n" + shown.decode())
    try:
        some = os.read(terminal, 65536)
    except OSError:
        break
    if not some:
        break
    shown += some
    if trigger and not typed and trigger in shown:
        typed = True
        os.write(terminal, b"\x03")
try:
    same = termios.tcgetattr(terminal) == before
except termios.error:
    same = True
sys.stdout.buffer.write(shown)
sys.stdout.buffer.write(b"\nsettings kept: %r\n" % same)
sys.stdout.flush()
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
