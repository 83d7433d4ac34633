package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keyed is a service that gives out credentials of its own.
type keyed interface {
	// KeyFile returns a key file whose tokens come from tokenURI.
	KeyFile(tokenURI string) ([]byte, error)
}

// giveKey writes the key file of a simulated service into the run's folder, for the bot alone to read.
func (s *simulator) giveKey(k keyed, dir string) error {
	if len(s.dependency.Calendar.CredentialsEnv) == 0 {
		return nil
	}
	text, err := k.KeyFile("http://" + s.at.Addr().String() + "/token")
	if err != nil {
		return err
	}
	path, err := filepath.Abs(filepath.Join(dir, s.dependency.Name+"-key.json"))
	if err != nil {
		return fmt.Errorf("find the run's folder: %w", err)
	}
	s.keyFile = path
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write the key file for the bot: %w", err)
	}
	return nil
}

// showKey points the bot at its key file, if there is one.
func (s *simulator) showKey(env map[string]string) {
	if s.keyFile == "" {
		return
	}
	for _, name := range s.dependency.Calendar.CredentialsEnv {
		env[name] = s.keyFile
	}
}

// takeKey removes the key file. What it opened is closed by then.
func (s *simulator) takeKey() {
	if s.keyFile != "" {
		_ = os.Remove(s.keyFile) // the bot may have done so
	}
}

// wrongCalendar says why a simulated calendar was not called, though it was heard of.
func (r *run) wrongCalendar(s *simulator) error {
	name, key := s.dependency.Name, "dependencies."+s.dependency.Name
	if s.refused.Load() == 0 {
		return escapeProblem("the bot fetched an access token from the simulated "+name+", but none of its calls came there: it may be calling the real one",
			r.envHint(key+".env", s.dependency.Env, s.url)+"; the key file alone moves the tokens, not the calls")
	}
	hint := "the access token must come from " + "http://" + s.at.Addr().String() + "/token"
	if names := s.dependency.Calendar.CredentialsEnv; len(names) > 0 {
		hint = "parley gives the bot the key file of a service account in " + strings.Join(names, ", ") +
			"; if it reads another variable, name that in " + key + ".simulate.credentials_env"
	}
	return escapeProblem("the bot calls the simulated "+name+" with credentials that are not from parley (401)", hint)
}
