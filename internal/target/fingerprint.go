package target

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"parley"
)

// Fingerprint describes the machine and parley itself. What cannot be read is
// left empty; Target is the caller's to fill.
func Fingerprint() parley.Environment {
	return parley.Environment{
		Parley:   version(),
		Go:       runtime.Version(),
		OS:       runtime.GOOS,
		Arch:     runtime.GOARCH,
		Kernel:   strings.TrimSpace(readFile("/proc/sys/kernel/osrelease")),
		CPU:      field("/proc/cpuinfo", "model name"),
		Cores:    runtime.NumCPU(),
		MemoryMB: memoryMB(),
	}
}

// GitRevision returns the commit checked out in dir, with "-dirty" if tracked
// files differ from it, or "" if dir is not in a git work tree. It takes no
// lock and writes nothing.
func GitRevision(ctx context.Context, dir string) string {
	cmd := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_OPTIONAL_LOCKS=0")
	revision, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(revision))
}

// version is the version the binary was built as; between releases, the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := settings["vcs.revision"]
	if revision == "" {
		return "devel"
	}
	if settings["vcs.modified"] == "true" {
		revision += "-dirty"
	}
	return revision
}

func memoryMB() int64 {
	kB, err := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kB >> 10
}

// field returns the value of the first "name : value" line of a file under /proc.
func field(path, name string) string {
	lines := bufio.NewScanner(bytes.NewReader([]byte(readFile(path))))
	for lines.Scan() {
		key, value, found := strings.Cut(lines.Text(), ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func readFile(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}
