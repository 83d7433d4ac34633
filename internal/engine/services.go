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
	private  []private
	join     func(d *plan.Dependency, server string) (string, error)
}

// private is a server that parley started.
type private struct {
	dependency, kind string
	server           interface {
		PID() int
		Err() error // why it ended by itself
		Stop(grace time.Duration)
	}
}

// startServices starts the private ones. The bot gets the addresses that join makes of their own: those of the taps before them.
func startServices(ctx context.Context, p *plan.Plan, log io.Writer, join func(*plan.Dependency, string) (string, error)) (*services, error) {
	s := &services{env: make(map[string]string), versions: make(map[string]string), join: join}
	for i := range p.Dependencies {
		if err := s.start(ctx, &p.Dependencies[i], log); err != nil {
			s.stop(interruptedGrace)
			return nil, err
		}
	}
	return s, nil
}

func (s *services) start(ctx context.Context, d *plan.Dependency, log io.Writer) error {
	if d.StandsIn() {
		return nil
	}
	address := d.Address.Reveal()
	switch {
	case d.Private && d.Kind == "postgres":
		pg, err := target.StartPostgres(ctx, target.ServerOptions{Log: log})
		if err != nil {
			return setupProblem("dependencies."+d.Name+": "+err.Error(), "or give the address of a disposable database instead of private")
		}
		s.private = append(s.private, private{d.Name, d.Kind, pg})
		s.versions[d.Name] = pg.Version()
		s.secrets = append(s.secrets, pg.Password())
		address = pg.URL()
	case d.Private && d.Kind == "redis":
		redis, err := target.StartRedis(ctx, target.ServerOptions{Log: log})
		if err != nil {
			return setupProblem("dependencies."+d.Name+": "+err.Error(), "or give the address of a disposable Redis instead of private")
		}
		s.private = append(s.private, private{d.Name, d.Kind, redis})
		s.versions[d.Name] = redis.Version()
		address = redis.URL()
	default:
		s.secrets = append(s.secrets, password(address))
	}
	address, err := s.join(d, address)
	if err != nil {
		return err
	}
	for _, name := range d.Env {
		s.env[name] = address
	}
	return nil
}

// failure says which private service has ended by itself: what the bot does without it is not the bot's fault.
func (s *services) failure() error {
	for _, p := range s.private {
		if err := p.server.Err(); err != nil {
			return setupProblem("the private service of dependencies."+p.dependency+" died during the run: "+err.Error(),
				"see bot.log in the run's folder; was there enough memory and room on the disk?")
		}
	}
	return nil
}

// stop stops the private services, all at once.
func (s *services) stop(grace time.Duration) {
	var all sync.WaitGroup
	for _, p := range s.private {
		all.Go(func() { p.server.Stop(grace) })
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
	address, err := target.Address(r.webhook)
	if err != nil {
		return setupProblem("target.webhook is "+err.Error(), "")
	}
	if len(t.Command) == 0 {
		return probe(ctx, address, r.shownWebhook())
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
		return unreachableProblem(err.Error(), "see bot.log in the run's folder"+r.wires.proxy.strays())
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
	add(r.wires.proxy.environment(own)) // which makes its bundle of the plan's, and keeps the plan's NO_PROXY
	return env, append(r.hosts.secrets, secretsOf(r.o.Plan)...)
}

// shortestKey is the length from which a value that the plan passes on from the
// environment is taken for a key; shorter ones are levels and switches, and stand in too many other words.
const shortestKey = 8

// secretsOf lists what of a plan must not stand in the bot's log. Empty ones hide nothing.
func secretsOf(p *plan.Plan) []string {
	secrets := []string{p.Target.Evolution.APIKey.Reveal(), p.Target.Evolution.JWTKey.Reveal()}
	for _, header := range p.Target.Evolution.Headers {
		value := header.Reveal()
		secrets = append(secrets, value, value[strings.LastIndexByte(value, ' ')+1:]) // a token behind its scheme
	}
	for i := range p.Dependencies {
		secrets = append(secrets, p.Dependencies[i].OpenAI.APIKey.Reveal())
		if relay := p.Dependencies[i].Relay; relay != nil {
			secrets = append(secrets, relay.Key.Reveal())
		}
	}
	for _, value := range p.Target.Env {
		secrets = append(secrets, password(value))
		if len(value) >= shortestKey && p.Redact(value) != value {
			secrets = append(secrets, value)
		}
	}
	return secrets
}

// password is the one in an address, empty if there is none.
func password(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	password, _ := u.User.Password()
	return password
}

// shownWebhook is the webhook's address for people; its user and query may be secret.
func (r *run) shownWebhook() string {
	u, err := url.Parse(r.webhook)
	if err != nil {
		return "target.webhook"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
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
