package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Options says how a bot is started.
type Options struct {
	// Command starts the bot and stays in the foreground. It is looked up in the
	// PATH of Env, or below Dir if it is a relative path.
	Command []string
	// Setup is run to its end before Command (migrations); none if empty.
	Setup []string
	// Dir is the working directory of both, empty for parley's own.
	Dir string
	// Env is their whole environment, as "NAME=value"; nil for parley's own.
	Env []string
	// Log gets what they write, whole lines at a time, nil for nowhere. A log
	// shared with a private server must bear concurrent writes, as a file does.
	Log io.Writer
	// Secrets are replaced by "<secret>" in the log and in errors.
	Secrets []string
	// Ready is a URL that answers 2xx, or an address (host:port) that accepts a
	// connection, once the bot can work; empty: it is ready when started.
	Ready string
	// StartTimeout is how long Setup, and then the wait for Ready, may take each; 0 means a minute.
	StartTimeout time.Duration
	// Watchdog is the command which calls [Watchdog] with the arguments that
	// follow it, such as {"/proc/self/exe", "watchdog"}. Without it a kill -9
	// of parley ends the bot's first process only, not its workers.
	Watchdog []string
}

const defaultStartTimeout = time.Minute

// Bot is a bot under test that parley started.
type Bot struct{ process *process }

// Start runs the setup, starts the bot and waits until it is ready. If that
// fails nothing is left running, and an error that tells of a process which
// ended holds an [ExitError]. The context bounds the start only.
func Start(ctx context.Context, o Options) (*Bot, error) {
	if len(o.Command) == 0 {
		return nil, errors.New("start bot: no command")
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = defaultStartTimeout
	}
	if o.Ready != "" && accepts(ctx, o.Ready) {
		return nil, fmt.Errorf("start bot: %s is in use already: another process would be measured in its place; stop it or choose another port", o.Ready)
	}
	out := newOutput(o.Log, o.Secrets)
	if len(o.Setup) > 0 {
		if err := setUp(ctx, o, out); err != nil {
			return nil, err
		}
	}
	p, err := launch(o, "bot", o.Command, out)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.StartTimeout)
	defer cancel()
	if err := awaitReady(ctx, o.Ready, p.done); err != nil {
		if p.ended() {
			return nil, fmt.Errorf("start bot: %w", p.err)
		}
		p.kill()
		return nil, fmt.Errorf("start bot: %w%s", err, lastOutput(out))
	}
	return &Bot{p}, nil
}

// Done is closed when the bot's first process has ended and nothing of it is left.
func (b *Bot) Done() <-chan struct{} { return b.process.done }

// Err returns an [ExitError] if the bot ended by itself, nil while it runs and
// after Stop.
func (b *Bot) Err() error {
	if !b.process.ended() {
		return nil
	}
	return b.process.err
}

// Stop sends SIGTERM, after grace SIGKILL, to all processes of the bot and
// returns when they are gone.
func (b *Bot) Stop(grace time.Duration) { b.process.stop(syscall.SIGTERM, grace) }

// PIDs returns the bot's living processes, parents before children. It reads
// the whole process table, which takes milliseconds.
func (b *Bot) PIDs() []int { return b.process.pids() }

// Root returns the process at the top of the bot's tree. It may be the watchdog, which is none of the bot's own processes.
func (b *Bot) Root() (pid int, watchdog bool) { return b.process.pid, b.process.watched }

// Tail returns the last lines of the bot's output, without secrets.
func (b *Bot) Tail() []string { return b.process.out.Tail() }

// setUp runs the setup command to its end.
func setUp(ctx context.Context, o Options, out *output) error {
	p, err := launch(o, "setup", o.Setup, out)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.StartTimeout)
	defer cancel()
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("set up bot: %w", p.err)
		}
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("set up bot: %w%s", ctx.Err(), lastOutput(out))
	}
}

// launch starts one of the bot's two commands; the setup is the one that ends by itself.
func launch(o Options, name string, command []string, out *output) (*process, error) {
	path, err := lookPath(command[0], o.Dir, o.Env)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return start(spec{
		name:     name,
		finite:   name == "setup",
		argv:     append([]string{path}, command[1:]...),
		dir:      o.Dir,
		env:      o.Env,
		watchdog: o.Watchdog,
		death:    syscall.SIGKILL,
	}, out)
}

// lookPath finds a command as a shell in dir with the environment env would;
// exec.LookPath knows parley's own directory and PATH only.
func lookPath(command, dir string, env []string) (string, error) {
	if strings.ContainsRune(command, filepath.Separator) {
		if !filepath.IsAbs(command) {
			command = filepath.Join(dir, command)
		}
		if abs, err := filepath.Abs(command); err == nil && executable(abs) {
			return abs, nil
		}
		return "", fmt.Errorf("%s is not an executable file", command)
	}
	path := os.Getenv("PATH")
	if env != nil {
		path = ""
		for _, variable := range env { // the last one counts
			if value, ok := strings.CutPrefix(variable, "PATH="); ok {
				path = value
			}
		}
	}
	for _, folder := range filepath.SplitList(path) {
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(dir, folder)
		}
		if file, err := filepath.Abs(filepath.Join(folder, command)); err == nil && executable(file) {
			return file, nil
		}
	}
	return "", fmt.Errorf("no command %s in the PATH of the bot", command)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// lastOutput words the tail for the end of an error.
func lastOutput(out *output) string {
	tail := out.Tail()
	if len(tail) == 0 {
		return "; it wrote nothing"
	}
	return "; its last output:\n  " + strings.Join(tail, "\n  ")
}
