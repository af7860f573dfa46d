"""Acceptance case: wrong use ends with one clear line and the right exit code."""
import subprocess

from support.processes import Failure, free_port


def expect(lab, code, words, *arguments, seconds=20):
    """Runs ming: exit code `code`, and the last line of standard error holds each of `words`."""
    done = subprocess.run([lab.ming, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=seconds,
                          env=lab.env, stdin=subprocess.DEVNULL)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    shown = f"ming {' '.join(map(str, arguments))}: exit {done.returncode}, stderr {done.stderr[-600:]!r}"
    if done.returncode != code:
        raise Failure(f"want exit code {code}: {shown}")
    if not lines or not all(word.lower() in done.stderr.lower() for word in words):
        raise Failure(f"want {words}: {shown}")


def usage_errors(lab, _full):
    """Wrong flags, missing id, taken port, unreachable server, unknown id, bad token, bad YAML."""
    nowhere = f"ws://127.0.0.1:{free_port()}"
    bad_yaml = lab.folder / "bad.yaml"
    bad_yaml.write_text("mode: host\nremoote: localhost:1\n")
    broken_yaml = lab.folder / "broken.yaml"
    broken_yaml.write_text("mode: [host\n")
    server = lab.server("--valid-tokens", "right")
    here = f"ws://127.0.0.1:{lab.signal_port}"
    expect(lab, 2, ["--remoote", "--remote"], "host", "--remoote", "localhost:1", "--id", "x")
    expect(lab, 2, ["mode"], "--mode", "sideways")
    expect(lab, 2, ["--id"], "host", "--signal", nowhere)
    expect(lab, 2, ["--id"], "client", "--signal", nowhere)
    expect(lab, 2, ["protocol"], "host", "--id", "x", "--protocol", "sctp")
    expect(lab, 2, ["remote"], "host", "--id", "x", "--remote", "localhost")
    expect(lab, 2, ["unknown command"], "hots")
    expect(lab, 2, ["bad.yaml:2:1", "remoote"], "host", "--id", "x", "--config", bad_yaml)
    expect(lab, 2, ["broken.yaml:"], "host", "--id", "x", "--config", broken_yaml)
    expect(lab, 1, ["127.0.0.1:%d" % lab.signal_port, "in use"], "server", "--addr", f"127.0.0.1:{lab.signal_port}")
    expect(lab, 1, ["127.0.0.1:%d" % lab.signal_port, "in use", "--local"], "client", "--signal", here, "--token",
           "right", "--id", "x", "--local", f"127.0.0.1:{lab.signal_port}")
    expect(lab, 3, [nowhere[5:]], "host", "--signal", nowhere, "--id", "x", "--wait", "1s")
    expect(lab, 3, [nowhere[5:]], "client", "--signal", nowhere, "--id", "x", "--local", "127.0.0.1:0", "--wait", "1s")
    expect(lab, 5, ["'x'", "not found"], "client", "--signal", here, "--token", "right", "--id", "x", "--local",
           "127.0.0.1:0", "--wait", "1s")
    expect(lab, 4, ["token"], "client", "--signal", here, "--token", "wrong", "--id", "x", "--local", "127.0.0.1:0")
    expect(lab, 4, ["token"], "host", "--signal", here, "--id", "x")
    lab.host(1, "--token", "right")
    expect(lab, 4, ["already registered"], "host", "--signal", here, "--token", "right", "--id", "myhost")
    if server.child.poll() is not None:
        raise Failure("the server ended")
    return {}
