"""Headless Chromium through chromedriver: the few W3C WebDriver calls that the suite needs."""
import http.client
import json
import os
import subprocess
import time

from support.processes import Failure, free_port

CHROMIUM = "/usr/bin/chromium"
CHROMEDRIVER = "/usr/bin/chromedriver"
# It must reach nothing but the pages and peers of the run.
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
         "--disable-background-networking", "--disable-component-update", "--disable-domain-reliability", "--disable-sync",
         "--disable-extensions", "--disable-default-apps", "--disable-client-side-phishing-detection", "--no-pings",
         "--metrics-recording-only",
         "--disable-features=OptimizationHints,MediaRouter,DialMediaRouteProvider,Translate",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")  # names fail at once instead of after 10 s


class Browser:
    def __init__(self, profile, script_seconds=600):
        self.script_seconds = script_seconds
        self.port = free_port()
        # A browser that is killed leaves its temporary folders: they belong to the case's own.
        scratch = f"{profile}-tmp"
        os.makedirs(scratch, exist_ok=True)
        self.driver = subprocess.Popen([CHROMEDRIVER, f"--port={self.port}"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, env=dict(os.environ, TMPDIR=scratch))
        self.session = None
        self.wait_until_ready(20)
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "timeouts": {"script": 1000 * script_seconds}}}})
        self.session = made["sessionId"]

    def wait_until_ready(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.call("GET", "/status")["ready"]:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise Failure("chromedriver does not answer")
            time.sleep(0.05)

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.script_seconds + 60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            value = json.loads(response.read())["value"]
        finally:
            connection.close()
        if response.status != 200:
            raise Failure(f"chromedriver: {value['error']}: {value['message'][:500]}")
        return value

    def go(self, url):
        self.call("POST", f"/session/{self.session}/url", {"url": url})

    def run_async(self, script, *arguments):
        """The value that `script` hands to its last argument, a function."""
        return self.call("POST", f"/session/{self.session}/execute/async", {"script": script, "args": list(arguments)})
