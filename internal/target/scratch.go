package target

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	scratchPrefix = "parley-"
	lockName      = "lock"
)

// scratch is the folder of one private server. Its lock file is open in parley
// and in every process of the server; the lock (flock(2)) goes when the last
// of them has ended, and only then may anybody remove the folder.
type scratch struct {
	dir  string
	lock *os.File
}

// newScratch makes a folder for a server of the given kind which the account
// may pass through, and removes those that killed runs left.
func newScratch(kind string, a *account) (*scratch, error) {
	base, err := scratchBase(a)
	if err != nil {
		return nil, err
	}
	sweep(base, scratchPrefix+kind+"-")
	dir, err := os.MkdirTemp(base, scratchPrefix+kind+"-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for %s: %w", kind, err)
	}
	s := &scratch{dir: dir}
	if err = s.claim(); err == nil && a != nil {
		err = os.Chmod(dir, 0o711) //nolint:gosec // the account must pass through; what is inside has its own rights
	}
	if err != nil {
		s.remove()
		return nil, fmt.Errorf("make a folder for %s: %w", kind, err)
	}
	return s, nil
}

// claim makes the lock file and takes its lock. It gets its name when it is
// locked, so that the sweep of another parley never finds it free.
func (s *scratch) claim() (err error) {
	fresh := filepath.Join(s.dir, lockName+".new")
	if s.lock, err = lockFile(fresh, os.O_CREATE|os.O_EXCL); err != nil {
		return err
	}
	return os.Rename(fresh, filepath.Join(s.dir, lockName))
}

// folder makes a sub-folder that belongs to the account alone.
func (s *scratch) folder(name string, a *account) (string, error) {
	dir := filepath.Join(s.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return dir, a.own(dir)
}

// remove deletes the folder and gives the lock up.
func (s *scratch) remove() {
	_ = os.RemoveAll(s.dir)
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

// scratchBase returns where folders are made: the system's place for temporary
// files, or, if the account cannot reach it, another one.
func scratchBase(a *account) (string, error) {
	places := []string{os.TempDir(), "/var/tmp", "/tmp"}
	for _, dir := range places {
		if a == nil || traversable(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("a private server must not run as root, and another user can reach none of %s", strings.Join(places, ", "))
}

// sweep removes folders whose last process is gone.
func sweep(base, prefix string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		dir := filepath.Join(base, entry.Name())
		if !ours(dir) {
			continue
		}
		lock, err := lockFile(filepath.Join(dir, lockName), 0)
		if err != nil {
			continue // in use, or not one of parley's
		}
		(&scratch{dir: dir, lock: lock}).remove()
	}
}

// ours reports whether dir is a real folder made by parley's own user.
func ours(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// lockFile opens a file and takes its lock, or fails at once if it is held.
func lockFile(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
