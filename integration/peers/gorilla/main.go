// gorilla asks a signaling server, through the Gorilla WebSocket library, what a client of the original may expect of it: one check a run.
// Exit code 0: it holds; 1: it does not, and standard error says why.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

var (
	url   = flag.String("url", "ws://localhost:8080", "signaling server")
	check = flag.String("check", "", "what to look at")
	limit = flag.Int("limit", 65536, "longest message that the server takes, bytes")
	count = flag.Int("count", 100, "pairs of many-connections")
)

const patience = 10 * time.Second

var checks = map[string]func() error{
	"forwards-both-ways": forwardsBothWays,
	"duplicate-id":       duplicateID,
	"empty-id":           emptyID,
	"unknown-target":     unknownTarget,
	"answers-pings":      answersPings,
	"sends-pings":        sendsPings,
	"silent-peer":        silentPeer,
	"silent-newcomer":    silentNewcomer,
	"size-limit":         sizeLimit,
	"fragments":          fragments,
	"close-codes":        closeCodes,
	"binary-frame":       binaryFrame,
	"bad-text":           badText,
	"token":              token,
	"many-connections":   manyConnections,
}

func main() {
	flag.Parse()
	run, ok := checks[*check]
	if !ok {
		fmt.Fprintf(os.Stderr, "no check is called %q\n", *check)
		os.Exit(2)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
