package target

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Redis is a private Redis server on loopback. It stores nothing on disk and
// asks for no password; otherwise its settings are the defaults.
type Redis struct {
	process *process
	scratch *scratch
	version string
	port    int
}

// StartRedis starts an empty Redis server. The context bounds the start only.
func StartRedis(ctx context.Context, o ServerOptions) (*Redis, error) {
	bin, err := redisBinary()
	if err != nil {
		return nil, err
	}
	a, err := unprivileged("redis")
	if err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	s, err := newScratch("redis", a)
	if err != nil {
		return nil, err
	}
	r := &Redis{scratch: s}
	ctx, cancel := context.WithTimeout(ctx, serverStart)
	defer cancel()
	if err := r.start(ctx, bin, a, o); err != nil {
		s.remove()
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	return r, nil
}

// URL returns the address of database 0.
func (r *Redis) URL() string { return PrivateRedisURL(r.Address()) }

// PrivateRedisURL is the URL of a private server at an address, or of a tap before it.
func PrivateRedisURL(address string) string { return "redis://" + address + "/0" }

// Address returns host and port.
func (r *Redis) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// Version returns the server's version ("Redis 7.0.15").
func (r *Redis) Version() string { return r.version }

// PID returns the server's process.
func (r *Redis) PID() int { return r.process.pid }

// PIDs returns the server's living processes.
func (r *Redis) PIDs() []int { return r.process.pids() }

// Done is closed when the server has ended.
func (r *Redis) Done() <-chan struct{} { return r.process.done }

// Err returns an [ExitError] if the server ended by itself.
func (r *Redis) Err() error {
	if !r.process.ended() {
		return nil
	}
	return r.process.err
}

// Stop ends the server, by force after grace.
func (r *Redis) Stop(grace time.Duration) {
	r.process.stop(syscall.SIGTERM, grace)
	r.scratch.remove()
}

func (r *Redis) start(ctx context.Context, bin string, a *account, o ServerOptions) error {
	data, err := r.scratch.folder("data", a)
	if err != nil {
		return err
	}
	if r.version, err = redisVersion(ctx, bin); err != nil {
		return err
	}
	for range portAttempts {
		if r.port, err = FreePort(); err != nil {
			return err
		}
		if err = r.listen(ctx, bin, data, a, o); err == nil || !taken(err) {
			return err
		}
	}
	return err
}

func (r *Redis) listen(ctx context.Context, bin, data string, a *account, o ServerOptions) error {
	argv := []string{
		bin, "--bind", "127.0.0.1", "--port", strconv.Itoa(r.port), "--dir", data,
		"--save", "", "--appendonly", "no", "--daemonize", "no",
	}
	for _, setting := range o.Settings {
		name, value, _ := strings.Cut(setting, " ")
		argv = append(argv, "--"+name, value)
	}
	p, err := start(spec{
		name: "Redis", argv: argv, dir: data, env: serverEnv(),
		death: syscall.SIGKILL, account: a, inherit: r.scratch.lock,
	}, newOutput(o.Log, nil))
	if err != nil {
		return err
	}
	if err := poll(ctx, p.done, func(ctx context.Context) error { return ping(ctx, r.Address()) }); err != nil {
		if p.ended() {
			return p.err
		}
		p.kill()
		return fmt.Errorf("%w%s", err, lastOutput(p.out))
	}
	r.process = p
	return nil
}

// ping asks the server whether it works (inline command of the Redis protocol).
func ping(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if answer != "+PONG\r\n" {
		return fmt.Errorf("unexpected answer %q", answer)
	}
	return nil
}

// redisBinary returns the path of the installed server.
func redisBinary() (string, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return "", errors.New("Redis is not installed (no redis-server in the PATH); on Debian: apt-get install redis-server")
	}
	return bin, nil
}

// redisVersion asks the program ("Redis server v=7.0.15 sha=...").
func redisVersion(ctx context.Context, bin string) (string, error) {
	said, err := exec.CommandContext(ctx, bin, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	_, version, _ := strings.Cut(string(said), "v=")
	version, _, _ = strings.Cut(version, " ")
	return "Redis " + version, nil
}
