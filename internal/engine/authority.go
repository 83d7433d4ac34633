package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"parley/internal/plan"
	"parley/internal/tap/webtap"
)

// authorityFiles are the paths of what a bot must trust to use the proxy: the authority's certificate, and a bundle of it
// with the roots of the system.
type authorityFiles struct{ certificate, bundle string }

// writeAuthority writes both into a folder. The roots are those of the file named, of the system if there is none.
func writeAuthority(dir, prefix string, a *webtap.Authority, roots string) (authorityFiles, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return authorityFiles{}, fmt.Errorf("find the folder of certificates: %w", err)
	}
	files := authorityFiles{certificate: filepath.Join(dir, prefix+"ca.pem"), bundle: filepath.Join(dir, prefix+"bundle.pem")}
	bundle, err := webtap.Bundle(a.PEM(), roots)
	if err != nil {
		return authorityFiles{}, setupProblem(err.Error(), "the bot's own SSL_CERT_FILE must be a file of certificates; parley puts its own beside them")
	}
	// Anyone may read them: a bot in a container is another user.
	for name, text := range map[string][]byte{files.certificate: a.PEM(), files.bundle: bundle} {
		if err := os.WriteFile(name, text, 0o644); err != nil { //nolint:gosec // certificates are public
			return authorityFiles{}, fmt.Errorf("write the certificates for the bot: %w", err)
		}
	}
	return files, nil
}

// remove deletes the files. The bot is gone by then, and their key with the run.
func (f authorityFiles) remove() {
	if f.certificate == "" {
		return
	}
	_ = os.Remove(f.certificate) // the bot may have done so
	_ = os.Remove(f.bundle)
}

// keptFor is how long an authority is good for that outlives a run.
const keptFor = 90 * 24 * time.Hour

// keptAuthority is where an authority lies that a bot trusts before a run begins.
func keptAuthority(p *plan.Plan) (dir, file string) {
	dir = filepath.Join(p.Dir, ".parley", "proxy")
	return dir, filepath.Join(dir, "authority.pem")
}

// keepAuthority returns the authority for a bot that parley does not start, and makes one if none is there that covers the
// plan's hosts for a run. Its key, for the owner alone, is on the disk, since the bot trusts it before there is a run; so it signs for
// those hosts and no others.
func keepAuthority(p *plan.Plan, roots string) (files authorityFiles, made bool, err error) {
	dir, file := keptAuthority(p)
	if own, err := filepath.Abs(filepath.Join(dir, "bundle.pem")); err == nil && roots == own {
		roots = "" // a shell that has read the variables already
	}
	a, err := loadAuthority(p)
	if err != nil {
		if a, err = webtap.NewAuthority(p.Hosts(), keptFor); err != nil {
			return files, false, err
		}
		text, err := a.Marshal()
		if err == nil {
			err = os.MkdirAll(dir, 0o755) //nolint:gosec // the bot, another user maybe, reads the certificates
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600)
		}
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			return files, false, fmt.Errorf("keep a certificate authority: %w", err)
		}
		made = true
	}
	files, err = writeAuthority(dir, "", a, roots)
	return files, made, err
}

// errNotKept says that there is no authority which the bot could trust already.
var errNotKept = errors.New("no certificate authority is kept for this plan")

// loadAuthority reads the one that is kept for a plan, if it is good for a run of it.
func loadAuthority(p *plan.Plan) (*webtap.Authority, error) {
	_, file := keptAuthority(p)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotKept
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	a, err := webtap.ParseAuthority(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if !a.Covers(p.Hosts(), time.Now().Add(runTime(p))) {
		return nil, fmt.Errorf("%s has expired, or the plan has hosts that it is not good for", file)
	}
	return a, nil
}

// CheckAuthority looks whether the authority that a bot trusts which parley does not start is there, and good for a run of the plan.
func CheckAuthority(p *plan.Plan) error {
	_, err := loadAuthority(p)
	return err
}

// runTime is the longest a run of the plan can take, its beginning and end included.
func runTime(p *plan.Plan) time.Duration { return p.Safety.Duration + 2*time.Hour }
