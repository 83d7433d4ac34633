package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// disk is what the writer needs of a file system. It is an interface so that
// tests can fill it up.
type disk interface {
	// create makes or empties the file for writing.
	create(path string) (outputFile, error)
	rename(from, to string) error
	// syncFolder makes the renames in a folder survive a power cut.
	syncFolder(dir string) error
}

type outputFile interface {
	io.WriteCloser
	Sync() error
}

// localDisk is the operating system's file system.
type localDisk struct{}

func (localDisk) create(path string) (outputFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
}

func (localDisk) rename(from, to string) error { return os.Rename(from, to) }

// syncFolder ignores what Sync says: some file systems cannot do it to a folder,
// and nothing better can be done there.
func (localDisk) syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	_ = f.Sync()
	return f.Close()
}

// replaceFile makes path hold what write writes, all of it or nothing: a crash
// at any moment leaves the old content or the new.
func replaceFile(d disk, path string, write func(io.Writer) error) error {
	if err := writeTemp(d, path, write); err != nil {
		return err
	}
	return publish(d, path)
}

// writeTemp writes a file beside path and makes sure that it is on the disk.
func writeTemp(d disk, path string, write func(io.Writer) error) (err error) {
	f, err := d.create(path + tempSuffix)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			// What was written is of no use, and its room may be what the next attempt needs.
			_ = os.Remove(path + tempSuffix)
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	buffered := bufio.NewWriterSize(f, 1<<16)
	if err := write(buffered); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := buffered.Flush(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// publish gives a file written by writeTemp its name.
func publish(d disk, path string) error {
	if err := d.rename(path+tempSuffix, path); err != nil {
		_ = os.Remove(path + tempSuffix)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return d.syncFolder(filepath.Dir(path))
}
