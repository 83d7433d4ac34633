package target

import (
	"errors"
	"fmt"
	"os/exec"
)

// errNoRedis says what to install.
var errNoRedis = errors.New("Redis is not installed (no redis-server in the PATH); on Debian: apt-get install redis-server")

// Installed returns an error that says what to install if a private server of
// the kind ("postgres", "redis") could not be started.
func Installed(kind string) error {
	switch kind {
	case "postgres":
		_, err := postgresFolder()
		return err
	case "redis":
		if _, err := exec.LookPath("redis-server"); err != nil {
			return errNoRedis
		}
		return nil
	default:
		return fmt.Errorf("parley has no private %s", kind)
	}
}
