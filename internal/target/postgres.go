package target

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	postgresUser     = "parley"
	postgresDatabase = "bot"
	// serverStart bounds each step of a private server's start.
	serverStart = time.Minute
	// portAttempts is how often a server is started with another port when its port was taken.
	portAttempts = 3
)

// ServerOptions says how a private server is started.
type ServerOptions struct {
	// Log gets what the server writes, whole lines at a time, nil for nowhere.
	// A log shared with another process must bear concurrent writes, as a file does.
	Log io.Writer
	// Settings are further settings in the server's own terms
	// ("max_connections=20" for PostgreSQL, "maxmemory 64mb" for Redis).
	Settings []string
}

// Postgres is a private PostgreSQL server on loopback, with data of its own
// that goes when it stops. Its settings are the defaults of the installation,
// fsync and synchronous commits included: a bot's commits cost what they cost.
// Only this differs: it listens on 127.0.0.1 alone and on no socket file,
// passwords are SCRAM, and pg_stat_statements is loaded if it is installed
// (the extension itself is created in the database "postgres", never in the bot's).
type Postgres struct {
	process  *process
	scratch  *scratch
	version  string
	port     int
	password string
}

// StartPostgres starts a PostgreSQL server with an empty database for the bot.
// The context bounds the start only.
func StartPostgres(ctx context.Context, o ServerOptions) (*Postgres, error) {
	bin, err := postgresBinaries()
	if err != nil {
		return nil, err
	}
	a, err := unprivileged("postgres")
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s, err := newScratch("postgres", a)
	if err != nil {
		return nil, err
	}
	pg := &Postgres{scratch: s, password: rand.Text()}
	b := postgresBuild{bin: bin, account: a, out: newOutput(o.Log, []string{pg.password}), settings: o.Settings}
	ctx, cancel := context.WithTimeout(ctx, serverStart)
	defer cancel()
	if err := pg.start(ctx, b); err != nil {
		s.remove()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return pg, nil
}

// URL returns the address of the bot's own empty database, password included.
// The role is a superuser, for migrations that create extensions.
func (pg *Postgres) URL() string { return pg.url(postgresDatabase) }

// AdminURL returns the address of the maintenance database, where
// pg_stat_statements can be read.
func (pg *Postgres) AdminURL() string { return pg.url("postgres") }

// Address returns host and port.
func (pg *Postgres) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(pg.port)) }

// Password returns the password, for the list of secrets.
func (pg *Postgres) Password() string { return pg.password }

// Version returns the server's version ("PostgreSQL 15.20").
func (pg *Postgres) Version() string { return pg.version }

// PID returns the postmaster.
func (pg *Postgres) PID() int { return pg.process.pid }

// PIDs returns the server's living processes, the postmaster first.
func (pg *Postgres) PIDs() []int { return pg.process.pids() }

// Done is closed when the server has ended.
func (pg *Postgres) Done() <-chan struct{} { return pg.process.done }

// Err returns an [ExitError] if the server ended by itself.
func (pg *Postgres) Err() error {
	if !pg.process.ended() {
		return nil
	}
	return pg.process.err
}

// Stop shuts the server down ("fast": open transactions are rolled back), kills
// it after grace, and removes its data.
func (pg *Postgres) Stop(grace time.Duration) {
	pg.process.stop(syscall.SIGINT, grace)
	pg.scratch.remove()
}

func (pg *Postgres) url(database string) string {
	u := url.URL{Scheme: "postgresql", User: url.UserPassword(postgresUser, pg.password), Host: pg.Address(), Path: "/" + database}
	return u.String()
}

// postgresBuild is what the steps of a start share.
type postgresBuild struct {
	bin      string // folder of the binaries
	data     string
	account  *account
	out      *output
	settings []string
}

func (pg *Postgres) start(ctx context.Context, b postgresBuild) (err error) {
	if b.data, err = pg.scratch.folder("data", b.account); err != nil {
		return err
	}
	if pg.version, err = b.version(ctx); err != nil {
		return err
	}
	if err := b.initialise(ctx, pg.scratch, pg.password); err != nil {
		return err
	}
	for range portAttempts {
		if pg.port, err = FreePort(); err != nil {
			return err
		}
		if err = pg.listen(ctx, b); err == nil || !taken(err) {
			return err
		}
	}
	return err
}

// taken reports whether a server ended because another process has its port.
func taken(err error) bool {
	exit, ok := errors.AsType[*ExitError](err)
	return ok && slices.ContainsFunc(exit.Tail, func(line string) bool { return strings.Contains(line, "Address already in use") })
}

// listen starts the server itself and waits until it takes connections.
func (pg *Postgres) listen(ctx context.Context, b postgresBuild) error {
	settings := append([]string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(pg.port),
		"unix_socket_directories=",
	}, b.statementStatistics()...)
	argv := []string{filepath.Join(b.bin, "postgres"), "-D", b.data}
	for _, setting := range append(settings, b.settings...) {
		argv = append(argv, "-c", setting)
	}
	p, err := start(spec{
		name: "PostgreSQL", argv: argv, dir: pg.scratch.dir, env: serverEnv(),
		// The postmaster stops its backends itself and leaves no shared memory
		// behind, unless it is killed.
		death:   syscall.SIGQUIT,
		account: b.account, inherit: pg.scratch.lock,
	}, b.out)
	if err != nil {
		return err
	}
	err = poll(ctx, p.done, func(context.Context) error { return postmasterReady(b.data) })
	if err != nil {
		if p.ended() {
			return p.err
		}
		p.kill()
		return fmt.Errorf("%w%s", err, lastOutput(b.out))
	}
	pg.process = p
	return nil
}

// postmasterReady reads the state the way pg_ctl does: line 8 of
// postmaster.pid is "ready" once connections are accepted.
func postmasterReady(data string) error {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 8 || strings.TrimSpace(lines[7]) != "ready" {
		return errors.New("the server is still starting")
	}
	return nil
}

// initialise makes the data folder, the bot's database, and the extension for observers.
func (b postgresBuild) initialise(ctx context.Context, s *scratch, password string) error {
	pwfile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(pwfile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(pwfile)
	if err := b.account.own(pwfile); err != nil {
		return err
	}
	err := b.tool(ctx, s.dir, "", "initdb", "-D", b.data, "-U", postgresUser, "--pwfile="+pwfile,
		"-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	if err != nil {
		return err
	}
	sql := "CREATE DATABASE " + postgresDatabase + ";\n"
	if b.statementStatistics() != nil {
		sql += "CREATE EXTENSION pg_stat_statements;\n"
	}
	// Single-user mode needs no client and no connection; a statement a line.
	return b.tool(ctx, s.dir, sql, "postgres", "--single", "-D", b.data, "postgres")
}

// tool runs one of PostgreSQL's programs to its end; its output comes into the error only.
func (b postgresBuild) tool(ctx context.Context, dir, stdin, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, name), args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, serverEnv(), strings.NewReader(stdin)
	if b.account != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: b.account.credential()}
	}
	said, err := cmd.CombinedOutput()
	// Single-user mode goes on after a failed statement and ends with status 0.
	if err == nil && !bytes.Contains(said, []byte("ERROR:")) {
		return nil
	}
	if err == nil {
		err = errors.New("a statement failed")
	}
	_, _ = b.out.Write(said)
	return fmt.Errorf("%s: %w%s", name, err, lastOutput(b.out))
}

// version asks the server's program ("postgres (PostgreSQL) 15.20 (Debian ...)").
func (b postgresBuild) version(ctx context.Context) (string, error) {
	said, err := exec.CommandContext(ctx, filepath.Join(b.bin, "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	fields := strings.Fields(string(said))
	if len(fields) < 3 {
		return "", fmt.Errorf("ask for the version: unexpected answer %q", said)
	}
	return "PostgreSQL " + fields[2], nil
}

// statementStatistics returns the setting that loads pg_stat_statements, nil if it is not installed.
func (b postgresBuild) statementStatistics() []string {
	for _, lib := range []string{"../lib", "../lib/postgresql", "../lib/pgsql", "../lib64/pgsql"} {
		if _, err := os.Stat(filepath.Join(b.bin, lib, "pg_stat_statements.so")); err == nil {
			return []string{"shared_preload_libraries=pg_stat_statements"}
		}
	}
	return nil
}

// postgresBinaries returns the folder of the newest installed server.
func postgresBinaries() (string, error) {
	// Debian keeps one folder a major version, off the PATH.
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return majorOf(b) - majorOf(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = append(found, path)
		}
	}
	for _, path := range found {
		if bin := filepath.Dir(path); executable(filepath.Join(bin, "postgres")) {
			return bin, nil
		}
	}
	return "", errors.New("PostgreSQL is not installed (no initdb in /usr/lib/postgresql/*/bin or the PATH); on Debian: apt-get install postgresql")
}

// majorOf reads the version from /usr/lib/postgresql/15/bin/initdb.
func majorOf(path string) int {
	major, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return major
}

// serverEnv is the environment of private servers and their tools: settings
// of parley's user (PGDATA, PGPORT, ...) must not reach them.
func serverEnv() []string {
	env := []string{"LC_ALL=C.UTF-8", "TZ=UTC"}
	if path := os.Getenv("PATH"); path != "" {
		env = append(env, "PATH="+path)
	}
	return env
}
