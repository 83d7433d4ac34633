package app

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"parley"
	"parley/internal/engine"
	"parley/internal/plan"
	"parley/internal/price"
	"parley/internal/target"
)

// check is one thing the doctor looked at.
type check struct {
	what, problem, hint string
	unreachable         bool // the problem is that the bot or a service is not there
}

// Doctor validates a plan, and looks whether everything it needs is there. It starts
// nothing, sends the bot nothing but a connection attempt, and logs in to databases of the user's.
func (a *App) Doctor(ctx context.Context, path string) (code int, err error) {
	p, err := a.plan(path)
	if err != nil {
		return parley.ExitUsage, err
	}
	e := p.Expect()
	checks := []check{{what: fmt.Sprintf("plan %s: %s, %.0f messages an hour, about %.0f conversations at once, %s of load at most",
		path, scenarios(len(p.Scenarios)), e.MessagesPerHour, e.Concurrency, e.Duration)}}
	checks = append(checks, checkCommand(ctx, p)...)
	for i := range p.Dependencies {
		checks = append(checks, checkDependency(ctx, &p.Dependencies[i]))
	}
	checks = append(checks, checkPrices(p.Money.Prices)...)
	checks = append(checks, checkListen("target.evolution.listen", p.Target.Evolution.Listen))
	checks = append(checks, checkProxy(p)...)
	checks = append(checks, checkDescriptors(e), checkFolder(a.Root))
	for _, c := range checks {
		if c.problem == "" {
			_, _ = fmt.Fprintf(a.Out, "ok       %s\n", c.what)
			continue
		}
		_, _ = fmt.Fprintf(a.Out, "missing  %s: %s\n", c.what, c.problem)
		if c.hint != "" {
			_, _ = fmt.Fprintf(a.Out, "         %s\n", c.hint)
		}
		if c.unreachable {
			code = max(code, parley.ExitUnreachable)
		} else {
			code = max(code, parley.ExitUsage)
		}
	}
	return code, nil
}

// checkProxy looks whether the proxy can listen, and whether a bot that parley does not start can trust it.
func checkProxy(p *plan.Plan) []check {
	if !p.Target.Proxy.On {
		return nil
	}
	checks := []check{checkListen("target.proxy.listen", p.Target.Proxy.Listen)}
	if len(p.Target.Command) == 0 {
		c := check{what: "certificate for target.proxy", hint: "run parley env, and start the bot with what it prints"}
		if err := engine.CheckAuthority(p); err != nil {
			c.problem = err.Error()
		}
		checks = append(checks, c)
	}
	return checks
}

// checkPrices reads the price list of the user's own, if there is one.
func checkPrices(path string) []check {
	if path == "" {
		return nil
	}
	c := check{what: "money.prices " + path, hint: "correct the list, or take money.prices out to use the one in parley"}
	if _, err := price.Read(path); err != nil {
		c.problem = err.Error()
	}
	return []check{c}
}

func scenarios(n int) string {
	if n == 1 {
		return "1 scenario"
	}
	return fmt.Sprintf("%d scenarios", n)
}

// checkCommand looks for the bot: its program, or something at its address.
func checkCommand(ctx context.Context, p *plan.Plan) []check {
	if len(p.Target.Command) == 0 {
		address, err := target.Address(p.Target.Webhook)
		if err != nil {
			return []check{{what: "target.webhook", problem: err.Error()}}
		}
		c := dial(ctx, "bot at "+address, address)
		c.hint = "start the bot, or give target.command so that parley does"
		return []check{c}
	}
	var checks []check
	for _, words := range [][]string{p.Target.Setup, p.Target.Command} {
		if len(words) == 0 {
			continue
		}
		c := check{what: "program " + words[0]}
		name := words[0]
		if strings.Contains(name, "/") && !filepath.IsAbs(name) {
			name = filepath.Join(p.Target.Dir, name)
		}
		if _, err := exec.LookPath(name); err != nil {
			c.problem = err.Error()
			c.hint = "install it, or correct target.command (relative paths start at target.dir, " + p.Target.Dir + ")"
		}
		checks = append(checks, c)
	}
	return checks
}

func checkDependency(ctx context.Context, d *plan.Dependency) check {
	name := "dependency " + d.Name
	switch {
	case d.Simulate:
		c := checkListen("dependencies."+d.Name+".listen", d.Listen)
		c.what = name + ", simulated"
		if path := d.OpenAI.Replay + d.HTTP.Replay; path != "" && c.problem == "" { // a dependency has one kind
			c.what += ", replayed from " + path
			if _, err := os.Stat(path); err != nil {
				c.problem, c.hint = "the recording cannot be read: "+err.Error(), "name the file that a run with keep: exchanges left in its folder exchanges"
			}
		}
		return c
	case d.Relay != nil:
		return checkRelay(ctx, d)
	case d.Private:
		c := check{what: name + ", private " + d.Kind}
		if err := target.Installed(d.Kind); err != nil {
			c.problem = err.Error()
		}
		return c
	default:
		c := check{what: name + ", your own " + d.Kind}
		version, err := target.Reach(ctx, d.Kind, d.Address.Reveal())
		if err != nil {
			c.problem, c.unreachable = err.Error(), true
			c.hint = "start it, or correct dependencies." + d.Name + ".address"
			return c
		}
		c.what += ", version " + version
		return c
	}
}

// checkRelay looks whether parley can listen, and whether something answers where the real service should.
func checkRelay(ctx context.Context, d *plan.Dependency) check {
	if c := checkListen("dependencies."+d.Name+".listen", d.Listen); c.problem != "" {
		return c
	}
	what := "dependency " + d.Name + ", relayed to the real service"
	address, err := target.Address(d.Relay.To)
	if err != nil {
		return check{what: what, problem: err.Error()}
	}
	c := dial(ctx, what+" at "+address, address)
	c.hint = "correct dependencies." + d.Name + ".address"
	return c
}

func dial(ctx context.Context, what, address string) check {
	dialer := net.Dialer{Timeout: 3 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return check{what: what, problem: err.Error(), unreachable: true}
	}
	_ = conn.Close()
	return check{what: what}
}

func checkListen(key, address string) check {
	c := check{what: key + " " + address}
	l, err := net.Listen("tcp", address) //nolint:noctx // returns at once
	if err != nil {
		c.problem, c.hint = err.Error(), "choose a free port, or 127.0.0.1:0 for any"
		return c
	}
	_ = l.Close()
	return c
}

// checkDescriptors compares the sockets a run may need with what the system allows.
func checkDescriptors(e plan.Expectation) check {
	c := check{what: "file descriptors"}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return c
	}
	// A waiting conversation holds one connection to the bot at most, the bot one
	// or two to parley; the rest is files and servers.
	need := uint64(3*e.TopConcurrency) + 100
	c.what = fmt.Sprintf("file descriptors: %d allowed, about %d needed", limit.Cur, need)
	if need > limit.Cur {
		c.problem, c.hint = "too few", fmt.Sprintf("ulimit -n %d", need)
	}
	return c
}

func checkFolder(root string) check {
	c := check{what: "folder for runs"}
	f, err := os.CreateTemp(root, ".parley-doctor-*")
	if err != nil {
		c.problem, c.hint = err.Error(), "run parley in a folder you may write to, or give --out"
		return c
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return c
}
