package engine

import (
	"parley"
	"parley/internal/observe/process"
)

// processes samples what the processes that parley started take: the bot, and the private servers. One that runs already is not parley's
// to look into, and may be on another machine.
type processes struct {
	r   *run
	all []started
}

// started is one of them with what its series are called.
type started struct {
	prefix, label string
	tree          *process.Tree
}

func newProcesses(r *run) *processes {
	p := &processes{r: r}
	if r.bot != nil {
		pid, keeper := r.bot.Root()
		p.all = append(p.all, started{"bot", "", process.New(pid, keeper)})
	}
	for _, s := range r.hosts.private {
		p.all = append(p.all, started{s.kind, s.dependency, process.New(s.server.PID(), false)})
	}
	return p
}

// sample takes one point of every series of theirs. docs/format.md says what each means.
func (p *processes) sample() {
	if len(p.all) == 0 {
		return
	}
	table := process.ReadTable()
	at := table.At().Sub(p.r.epoch)
	for _, s := range p.all {
		u, ok := s.tree.Read(table)
		if !ok {
			continue
		}
		record := func(name string, value float64) {
			p.r.writer.Sample(parley.Sample{At: at, Name: s.prefix + name, Label: s.label, Value: value})
		}
		record("_cpu_seconds_total", u.CPU.Seconds())
		record("_resident_memory_bytes", float64(u.Resident))
		record("_threads", float64(u.Threads))
		record("_processes", float64(u.Processes))
		if u.Compared {
			record("_busiest_thread_cores", u.Busiest)
		}
	}
}
