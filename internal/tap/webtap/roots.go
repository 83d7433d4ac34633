package webtap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// longestRoots bounds what is read of a file with certificates, in bytes; systems have about 250 kB.
const longestRoots = 8 << 20

// Bundle is the authority's certificate together with the roots that a client would trust without it: the variables that
// name a bundle replace the one that the client would use. The roots are those of the file own, or if that is empty those of the system.
func Bundle(authority []byte, own string) ([]byte, error) {
	files := []string{own}
	if own == "" {
		files = systemRoots()
	}
	for _, name := range files {
		roots, err := readRoots(name)
		if errors.Is(err, os.ErrNotExist) && own == "" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the certificates in %s: %w", name, err)
		}
		return append(append(roots, '\n'), authority...), nil
	}
	return bytes.Clone(authority), nil // a system without roots: the client may bring its own, which nobody can know
}

func readRoots(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, longestRoots+1))
	if err == nil && len(text) > longestRoots {
		err = fmt.Errorf("more than %d MB", longestRoots>>20)
	}
	return text, err
}

// systemRoots are the places where Linux and BSD systems keep their bundle; those of crypto/x509.
func systemRoots() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL 6
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS, RHEL 7
		"/etc/ssl/cert.pem",                                 // macOS, BSD
	}
}
