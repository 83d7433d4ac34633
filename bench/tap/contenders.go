package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"parley/internal/target"
)

// Names of the contenders.
const (
	direct      = "direct"
	parleyTap   = "parley"
	parleyProxy = "parley proxy" // the forward proxy, for HTTP
	pgbouncer   = "pgbouncer"
	nginx       = "nginx"
	toxiproxy   = "toxiproxy"
)

// toxiproxyModule is what is built if it can be.
const toxiproxyModule = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"

// contender is one way to a server.
type contender struct {
	name, url string
	proxy     string // address of the forward proxy that leads there, empty for none
	pid       int    // of the process in between, 0 if there is none
	stop      func() error
}

// errand is what the process of a tap is told.
func (b *bench) errand(server, dir, name string, proxy bool) errand {
	e := errand{Server: server, Dir: filepath.Join(dir, "record-"+name), Proxy: proxy}
	if b.profile != "" {
		e.Profile = filepath.Join(b.profile, name+".pprof")
	}
	return e
}

// startTap starts a tap before a server as a process of its own.
func (b *bench) startTap(server, dir, name string) (*contender, error) {
	c, err := startSelf(asTap, b.errand(server, dir, name, false))
	if err != nil {
		return nil, err
	}
	return &contender{name: parleyTap, url: at(server, c.address), pid: c.pid, stop: c.stop}, nil
}

// child is a process of this program that listens at an address.
type child struct {
	address string
	pid     int
	stop    func() error
}

// startSelf starts the program again as one of its parts, and tells it what to do.
func startSelf(part string, told any) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", part, err)
	}
	text, err := json.Marshal(told)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", part, err)
	}
	cmd := exec.Command(program, part) //nolint:noctx // it ends with its input, and not before its record is closed
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", part, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", part, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", part, err)
	}
	stop := func() error {
		_ = in.Close() // it ends
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%s ended with %w: %s", part, err, &complaint)
		}
		return nil
	}
	if _, err := in.Write(text); err != nil {
		return nil, errors.Join(err, stop())
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &child{address: strings.TrimSpace(address), pid: cmd.Process.Pid, stop: stop}, nil
}

// at is a URL with another address.
func at(server, address string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	u.Host = address
	return u.String()
}

// startPeer starts a program that listens at an address, and waits until it does.
func startPeer(ctx context.Context, name, server string, port int, cmd *exec.Cmd) (*contender, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	stop := func() error {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		return nil
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = c.Close()
			return &contender{name: name, url: at(server, address), pid: cmd.Process.Pid, stop: stop}, nil
		}
		select {
		case <-ctx.Done():
			_ = stop()
			return nil, fmt.Errorf("start %s: %w: %s", name, err, &said)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// startPgBouncer starts PgBouncer in session mode before a server; it does not run as root.
func startPgBouncer(ctx context.Context, server *target.Postgres, dir string) (*contender, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		return nil, errNotInstalled
	}
	port, err := target.FreePort()
	if err != nil {
		return nil, err
	}
	host, serverPort, err := net.SplitHostPort(server.Address())
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`[databases]
bot = host=%s port=%s dbname=bot user=parley password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = session
default_pool_size = 250
max_client_conn = 500
log_connections = 0
log_disconnections = 0
ignore_startup_parameters = extra_float_digits
`, host, serverPort, server.Password(), port)
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	args := []string{"-q", file}
	if os.Geteuid() == 0 {
		if err := lend("postgres", dir, file); err != nil {
			return nil, err
		}
		args = append([]string{"-u", "postgres"}, args...)
	}
	return startPeer(ctx, pgbouncer, server.URL(), port, exec.CommandContext(ctx, program, args...))
}

// errNotInstalled: a peer is left out.
var errNotInstalled = errors.New("it is not installed")

// buildToxiproxy builds toxiproxy into a folder.
func buildToxiproxy(ctx context.Context, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", toxiproxyModule)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, lastLine(said))
	}
	return filepath.Join(dir, "server"), nil
}

func lastLine(text []byte) []byte {
	text = bytes.TrimSpace(text)
	return text[bytes.LastIndexByte(text, '\n')+1:]
}

// startToxiproxy starts toxiproxy, without toxics, before a server.
func startToxiproxy(ctx context.Context, program, server, dir, name string) (*contender, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("start toxiproxy: %w", err)
	}
	port, err := target.FreePort()
	if err != nil {
		return nil, err
	}
	api, err := target.FreePort()
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal([]map[string]any{{"name": name, "listen": "127.0.0.1:" + strconv.Itoa(port), "upstream": u.Host, "enabled": true}})
	if err != nil {
		return nil, fmt.Errorf("start toxiproxy: %w", err)
	}
	file := filepath.Join(dir, "toxiproxy-"+name+".json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return nil, fmt.Errorf("start toxiproxy: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "-host", "127.0.0.1", "-port", strconv.Itoa(api), "-config", file)
	cmd.Env = append(os.Environ(), "LOG_LEVEL=error")
	return startPeer(ctx, toxiproxy, server, port, cmd)
}

// used is the processor time a process has had, of all its threads.
func used(pid int) (total time.Duration) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err == nil {
			total += time.Duration(ns)
		}
	}
	return total
}

// ask runs the generator against a contender.
func (b *bench) ask(ctx context.Context, c *contender, connections int) (round, error) {
	program, err := os.Executable()
	if err != nil {
		return round{}, fmt.Errorf("start the generator: %w", err)
	}
	text, err := json.Marshal(order{URL: c.url, Proxy: c.proxy, Connections: connections, Length: b.length})
	if err != nil {
		return round{}, fmt.Errorf("start the generator: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, asLoad)
	cmd.Stdin = bytes.NewReader(text)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return round{}, fmt.Errorf("the generator, %s: %w: %s", c.name, err, &complaint)
	}
	var r round
	if err := json.NewDecoder(io.LimitReader(bytes.NewReader(out), 1<<20)).Decode(&r); err != nil {
		return round{}, fmt.Errorf("read what the generator measured: %w", err)
	}
	if r.Exchanges == 0 {
		return round{}, fmt.Errorf("%s answered nothing in %v", c.name, b.length)
	}
	return r, nil
}
