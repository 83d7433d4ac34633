package target

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Reach logs in to a service of the kind ("postgres", "redis") at a URL, as the
// bot would, asks for nothing but its version, and leaves. Errors do not hold
// the password.
func Reach(ctx context.Context, kind, address string) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	switch kind {
	case "postgres":
		return reachPostgres(ctx, address)
	case "redis":
		return reachRedis(ctx, address)
	default:
		return "", fmt.Errorf("parley cannot log in to %s", kind)
	}
}

func reachPostgres(ctx context.Context, address string) (version string, err error) {
	// SQLAlchemy and others name their driver in the scheme.
	scheme, rest, _ := strings.Cut(address, "://")
	scheme, _, _ = strings.Cut(scheme, "+")
	conn, err := pgx.Connect(ctx, scheme+"://"+rest)
	if err != nil {
		return "", fmt.Errorf("log in to PostgreSQL: %w", err)
	}
	version = conn.PgConn().ParameterStatus("server_version") // sent at every start-up
	return version, conn.Close(ctx)
}

func reachRedis(ctx context.Context, address string) (version string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("log in to Redis: its address is not a URL")
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "6379")
	}
	conn, err := dialRedis(ctx, u.Scheme, host)
	if err != nil {
		return "", fmt.Errorf("log in to Redis: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", fmt.Errorf("log in to Redis: %w", err)
		}
	}
	replies := bufio.NewReader(conn)
	if password, ok := u.User.Password(); ok {
		login := []string{"AUTH", password}
		if name := u.User.Username(); name != "" {
			login = []string{"AUTH", name, password}
		}
		if _, err := askRedis(conn, replies, login...); err != nil {
			return "", fmt.Errorf("log in to Redis: %w", err)
		}
	}
	info, err := askRedis(conn, replies, "INFO", "server")
	if err != nil {
		return "", fmt.Errorf("log in to Redis: %w", err)
	}
	_, version, _ = strings.Cut(info, "redis_version:")
	version, _, _ = strings.Cut(version, "\r\n")
	return version, nil
}

func dialRedis(ctx context.Context, scheme, host string) (net.Conn, error) {
	if scheme == "rediss" {
		return (&tls.Dialer{}).DialContext(ctx, "tcp", host)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", host)
}

// askRedis sends one command and reads its reply: a simple string, an error or a bulk string.
func askRedis(conn net.Conn, replies *bufio.Reader, words ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := conn.Write([]byte(b.String())); err != nil {
		return "", err
	}
	line, err := replies.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case strings.HasPrefix(line, "+"):
		return line[1:], nil
	case strings.HasPrefix(line, "-"):
		return "", errors.New(line[1:])
	case strings.HasPrefix(line, "$"):
		return readBulk(replies, line[1:])
	default:
		return "", fmt.Errorf("it does not speak Redis: %.40q", line)
	}
}

// readBulk reads a bulk string of a length given in digits.
func readBulk(replies *bufio.Reader, length string) (string, error) {
	const most = 1 << 20
	var n int
	if _, err := fmt.Sscanf(length, "%d", &n); err != nil || n < 0 || n > most {
		return "", fmt.Errorf("it does not speak Redis: a string of length %.20q", length)
	}
	text := make([]byte, 0, n)
	for len(text) < n {
		part, err := replies.ReadString('\n')
		if err != nil {
			return "", err
		}
		text = append(text, part...)
	}
	return string(text[:n]), nil
}
