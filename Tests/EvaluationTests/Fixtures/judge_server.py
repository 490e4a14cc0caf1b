"""A chat endpoint for tests: answers POST requests from a script, one entry each, and records what it was sent.

python3 judge_server.py SCRIPT.json REQUESTS.jsonl; prints its port. Entries: {"content": text}, {"raw": text},
{"status": number, "location": address}, {"close": true}. The last entry repeats.
"""

import http.server
import json
import sys

script = json.load(open(sys.argv[1]))
requests = open(sys.argv[2], "a")


class Handler(http.server.BaseHTTPRequestHandler):
    def record(self, body):
        requests.write(
            json.dumps({"path": self.path, "authorization": self.headers.get("Authorization"), "body": body}) + "\n"
        )
        requests.flush()

    def do_GET(self):
        self.record("")
        self.send_error(404)

    def do_POST(self):
        self.record(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        entry = script.pop(0) if len(script) > 1 else script[0]
        if entry.get("close"):
            self.close_connection = True
            return
        if "content" in entry:
            text = json.dumps({"choices": [{"message": {"role": "assistant", "content": entry["content"]}}]})
        else:
            text = entry.get("raw", "")
        self.send_response(entry.get("status", 200))
        if "location" in entry:
            self.send_header("Location", entry["location"])
        data = text.encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
