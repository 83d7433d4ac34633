package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/internal/plan"
	"parley/internal/target"
)

// services are the databases the bot uses: parley's own or the user's.
type services struct {
	env      map[string]string
	versions map[string]string
	secrets  []string
	stops    []func(grace time.Duration)
}

// startServices starts the private ones and notes the addresses of the others.
func startServices(ctx context.Context, p *plan.Plan, log io.Writer) (*services, error) {
	s := &services{env: make(map[string]string), versions: make(map[string]string)}
	for i := range p.Dependencies {
		if err := s.start(ctx, &p.Dependencies[i], log); err != nil {
			s.stop(interruptedGrace)
			return nil, err
		}
	}
	return s, nil
}

func (s *services) start(ctx context.Context, d *plan.Dependency, log io.Writer) error {
	if d.Simulate {
		return nil
	}
	address := d.Address.Reveal()
	switch {
	case d.Private && d.Kind == "postgres":
		pg, err := target.StartPostgres(ctx, target.ServerOptions{Log: log})
		if err != nil {
			return setupProblem("dependencies."+d.Name+": "+err.Error(), "or give the address of a disposable database instead of private")
		}
		s.stops = append(s.stops, pg.Stop)
		s.versions[d.Name] = pg.Version()
		s.secrets = append(s.secrets, pg.Password())
		address = pg.URL()
	case d.Private && d.Kind == "redis":
		redis, err := target.StartRedis(ctx, target.ServerOptions{Log: log})
		if err != nil {
			return setupProblem("dependencies."+d.Name+": "+err.Error(), "or give the address of a disposable Redis instead of private")
		}
		s.stops = append(s.stops, redis.Stop)
		s.versions[d.Name] = redis.Version()
		address = redis.URL()
	default:
		if u, err := url.Parse(address); err == nil {
			if password, ok := u.User.Password(); ok {
				s.secrets = append(s.secrets, password)
			}
		}
	}
	for _, name := range d.Env {
		s.env[name] = address
	}
	return nil
}

// stop stops the private services, all at once.
func (s *services) stop(grace time.Duration) {
	var all sync.WaitGroup
	for _, stop := range s.stops {
		all.Go(func() { stop(grace) })
	}
	all.Wait()
}

// resolvePort fills in ${PORT} of a webhook URL with a free port, returned as text ("" if there is none to fill in).
func resolvePort(webhook string) (resolved, port string, err error) {
	if !strings.Contains(webhook, "${PORT}") {
		return webhook, "", nil
	}
	free, err := target.FreePort()
	if err != nil {
		return "", "", setupProblem(err.Error(), "")
	}
	port = strconv.Itoa(free)
	return strings.ReplaceAll(webhook, "${PORT}", port), port, nil
}

// startBot starts the bot with its wires pointed at parley, or finds it running.
func (r *run) startBot(ctx context.Context, port string) error {
	t := &r.o.Plan.Target
	address, err := hostPort(r.webhook)
	if err != nil {
		return err
	}
	if len(t.Command) == 0 {
		return probe(ctx, address, r.webhook)
	}
	r.report("starting the bot")
	fill := func(words []string) []string {
		filled := slices.Clone(words)
		for i := range filled {
			filled[i] = strings.ReplaceAll(filled[i], "${PORT}", port)
		}
		return filled
	}
	ready := strings.ReplaceAll(t.Ready, "${PORT}", port)
	if ready == "" {
		ready = address
	}
	env, secrets := r.environment(port)
	r.bot, err = target.Start(ctx, target.Options{
		Command: fill(t.Command), Setup: fill(t.Setup), Dir: t.Dir, Env: env, Log: r.log,
		Secrets: secrets, Ready: ready, StartTimeout: t.StartTimeout, Watchdog: r.o.Watchdog,
	})
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return unreachableProblem(err.Error(), "see bot.log in the run's folder")
	}
	return nil
}

// environment is what the bot sees, later entries winning, with the secrets in it.
func (r *run) environment(port string) (env, secrets []string) {
	env = slices.Clone(r.o.Environ)
	add := func(vars map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			env = append(env, name+"="+vars[name])
		}
	}
	if port != "" {
		add(map[string]string{"PORT": port})
	}
	add(r.hosts.env)
	add(r.wires.environment())
	own := make(map[string]string, len(r.o.Plan.Target.Env))
	for name, value := range r.o.Plan.Target.Env {
		own[name] = strings.ReplaceAll(value, "${PORT}", port)
	}
	add(own)
	secrets = append(secrets, r.hosts.secrets...)
	secrets = append(secrets, r.o.Plan.Target.Evolution.APIKey.Reveal())
	for i := range r.o.Plan.Dependencies {
		secrets = append(secrets, r.o.Plan.Dependencies[i].OpenAI.APIKey.Reveal())
	}
	return env, slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
}

// hostPort is the address behind a URL.
func hostPort(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", setupProblem(fmt.Sprintf("target.webhook: %q is not a URL with a host", text), "")
	}
	port := u.Port()
	if port == "" {
		port = map[bool]string{true: "443", false: "80"}[u.Scheme == "https"]
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// probe makes sure that somebody listens where a bot that runs already should.
func probe(ctx context.Context, address, webhook string) error {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return unreachableProblem(fmt.Sprintf("nothing answers at %s: %v", address, plain(err)),
			"is the bot running, and is target.webhook ("+webhook+") its address? With target.command parley starts it")
	}
	return conn.Close()
}

// plain drops the address that a dial error repeats.
func plain(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
