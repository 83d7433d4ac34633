//go:build linux

package target

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary plays the processes of the tests: PLAY names the part.
const playVariable = "TARGET_TEST_PLAY"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "watchdog" {
		// The bot's environment may name a part for the bot.
		os.Exit(Watchdog(os.Args[2:], os.Stdin))
	}
	switch part := os.Getenv(playVariable); part {
	case "":
		goleak.VerifyTestMain(m)
	case "parent":
		os.Exit(playParent())
	case "web":
		os.Exit(playWeb())
	default:
		fmt.Fprintln(os.Stderr, "unknown part", part)
		os.Exit(2)
	}
}

// playWeb is a bot: it answers on WEB_ADDRESS until SIGTERM.
func playWeb() int {
	fmt.Println("token is", os.Getenv("WEB_TOKEN"))
	l, err := net.Listen("tcp", os.Getenv("WEB_ADDRESS"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	starting := true
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if starting { // the first probe finds a bot that is not ready
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		starting = false
	})}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go server.Serve(l)
	<-asked
	fmt.Println("good bye")
	return 0
}

// playParent is a parley: it starts a bot with workers and private servers,
// says which processes there are, and waits to be killed.
func playParent() int {
	exe, err := os.Executable()
	if err != nil {
		return 1
	}
	ctx := context.Background()
	b, err := Start(ctx, Options{
		Command: []string{"sh", "-c", workers}, Env: []string{"PATH=" + os.Getenv("PATH")},
		Log: os.Stdout, Watchdog: []string{exe, "watchdog"},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	pg, err := StartPostgres(ctx, ServerOptions{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	r, err := StartRedis(ctx, ServerOptions{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("servers", strings.Trim(fmt.Sprint(append(pg.PIDs(), r.PIDs()...)), "[]"))
	fmt.Println("folders", pg.scratch.dir, r.scratch.dir)
	<-b.Done()
	return 0
}

// workers is a bot with a worker that ignores SIGTERM and a daemon that left
// group and session; each says its number.
const workers = `
sh -c 'trap "" TERM; echo pid $$; while :; do sleep 1; done' &
setsid sh -c 'echo pid $$; exec sleep 600' &
echo pid $$
wait
`

// eventually polls until check holds; it asserts that it comes true, not when.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for !check() {
		select {
		case <-deadline.C:
			t.Fatal("never: " + what)
		case <-ticker.C:
		}
	}
}
