package target

import "fmt"

// Installed returns nil if a private server of the kind ("postgres", "redis")
// can be started on this machine; else the error says what to install.
func Installed(kind string) (err error) {
	switch kind {
	case "postgres":
		_, err = postgresBinaries()
	case "redis":
		_, err = redisBinary()
	default:
		err = fmt.Errorf("parley cannot start a private %s", kind)
	}
	return err
}
