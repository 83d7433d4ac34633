package engine

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley"
	"parley/internal/record"
)

// There is no other clock for a process than the machine's: a time namespace moves only the clocks that nobody sets, and libfaketime needs
// the C library, of which a Go program has no use. What a process takes for the machine's clock is a function, though, which the
// system maps into each (vdso(7)), so that this one page can be another for one process, as a debugger would set a breakpoint in it.

// steppedRun is the variable that has the test binary play the run: the folder for its record.
const steppedRun = "PARLEY_STEPPED_RUN"

// The wall clock goes a day forth, then two back, so that it is a day behind in the end.
const (
	forth = 24 * time.Hour
	back  = -24 * time.Hour
)

// What the run says when a step is due.
const (
	underLoad      = "under load"
	underLoadStill = "under load still"
)

// TestClockStep: a step of the wall clock during a run changes nothing.
func TestClockStep(t *testing.T) {
	if dir := os.Getenv(steppedRun); dir != "" {
		runStepped(t, dir)
		return
	}
	cmd := exec.CommandContext(t.Context(), executable(t), "-test.run=^TestClockStep$", "-test.v")
	cmd.Env = append(os.Environ(), steppedRun+"="+filepath.Join(t.TempDir(), "run"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	step := startWithOwnClock(t, cmd)
	var said strings.Builder
	steps := map[string]time.Duration{underLoad: forth, underLoadStill: back}
	for lines := bufio.NewScanner(io.TeeReader(out, &said)); lines.Scan(); {
		if by, ok := steps[lines.Text()]; ok {
			step(by)
			delete(steps, lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil || len(steps) > 0 {
		t.Errorf("%v; steps not made: %v\n%s%s", err, steps, &said, &complaint)
	}
}

// startWithOwnClock starts a process with a wall clock of its own, which the function that is returned sets so far from the machine's.
func startWithOwnClock(t *testing.T, cmd *exec.Cmd) func(time.Duration) {
	t.Helper()
	runtime.LockOSThread() // who traces is a thread
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("processes may not be traced here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || !status.Stopped() {
		t.Fatalf("the process does not wait to be traced: %v, %v", status, err)
	}
	memory, at, err := replaceClock(pid)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		t.Skipf("the clock of a process cannot be replaced here: %v", err)
	}
	t.Cleanup(func() { _ = memory.Close() })
	if err := syscall.PtraceDetach(pid); err != nil {
		t.Fatal(err)
	}
	return func(by time.Duration) {
		if _, err := memory.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(by/time.Second)), at); err != nil {
			t.Error(err)
		}
	}
}

// clock is a function clock_gettime that asks the system, and adds the seconds at its end to the answer if that is the wall clock's.
func clock() []byte {
	return []byte{
		0xb8, 0xe4, 0, 0, 0, // mov eax, SYS_clock_gettime
		0x0f, 0x05, // syscall
		0x85, 0xff, // test edi, edi: CLOCK_REALTIME is 0
		0x75, 0x0a, // jne to the end
		0x48, 0x8b, 0x0d, 6, 0, 0, 0, // mov rcx, the seconds
		0x48, 0x01, 0x0e, // add [rsi], rcx
		0xc3, 0x90, 0x90, // ret
		0, 0, 0, 0, 0, 0, 0, 0, // the seconds
	}
}

// replaceClock replaces that function in a process that has not begun. It returns the process's memory, and where the seconds are.
func replaceClock(pid int) (memory *os.File, seconds int64, err error) {
	memory, err = os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, 0, err
	}
	at, err := clockOf(pid, memory)
	if err == nil {
		_, err = memory.WriteAt(clock(), at)
	}
	if err != nil {
		return nil, 0, errors.Join(err, memory.Close())
	}
	return memory, at + int64(len(clock())) - 8, nil
}

// clockOf finds the function in a process.
func clockOf(pid int, memory io.ReaderAt) (int64, error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil || !strings.Contains(line, "[vdso]") {
			continue
		}
		image := make([]byte, to-from)
		if _, err := memory.ReadAt(image, from); err != nil {
			return 0, err
		}
		f, err := elf.NewFile(bytes.NewReader(image))
		if err != nil {
			return 0, err
		}
		symbols, err := f.DynamicSymbols()
		if err != nil {
			return 0, err
		}
		i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == "__vdso_clock_gettime" })
		if i < 0 || symbols[i].Value%8 != 0 {
			break
		}
		return from + int64(symbols[i].Value), nil
	}
	return 0, errors.New("no such function")
}

// runStepped plays a run whose wall clock is set while it is under load, and judges what it recorded.
func runStepped(t *testing.T, dir string) {
	p := testPlan(t, fmt.Sprintf(planText, executable(t), "", "5s"))
	begun, began := time.Now(), time.Now().Round(0) // the second is of the wall clock alone
	cues := []string{underLoad, underLoadStill}
	run, err := Run(context.Background(), Options{
		Plan: p, Verb: "test", Dir: dir, Environ: os.Environ(), Watchdog: []string{executable(t), "__watchdog"},
		Progress: func(p Progress) {
			if p.Phase == string(parley.Steady) && len(cues) > 0 {
				fmt.Println(cues[0])
				cues = cues[1:]
			}
		},
	})
	if err != nil || run.State != parley.Complete || len(run.Problems) > 0 {
		t.Fatalf("%+v, %v", run, err)
	}
	r, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	judgeOffsets(t, run, r)
	stepped := time.Now().Round(0).Sub(began) - time.Since(begun)
	if off := stepped - back; off < -time.Minute || off > time.Minute {
		t.Errorf("the wall clock went %v, want %v: the test shows nothing", stepped, back)
	}
}

// judgeOffsets holds every offset of a run against its length, which a step would exceed by far.
func judgeOffsets(t *testing.T, run *parley.Run, r *record.Reader) {
	t.Helper()
	if run.Elapsed > time.Minute {
		t.Errorf("the run took %v", run.Elapsed)
	}
	inOrder := func(what string, offsets ...time.Duration) {
		t.Helper()
		if !slices.IsSorted(offsets) || offsets[0] < 0 || offsets[len(offsets)-1] > run.Elapsed {
			t.Errorf("%s: %v in a run of %v", what, offsets, run.Elapsed)
		}
	}
	for _, p := range run.Phases {
		inOrder("phase "+p.Name, p.Start, p.End)
	}
	turns, calls := 0, 0
	for turn := range r.Turns() {
		turns++
		if turn.Outcome != parley.Answered {
			t.Errorf("turn %d: %s", turn.ID, turn.Outcome)
			continue
		}
		inOrder(fmt.Sprintf("turn %d", turn.ID), turn.Due, turn.Sent, turn.AnsweredAt, turn.Ended)
		inOrder(fmt.Sprintf("reply to turn %d", turn.ID), turn.Due, turn.FirstReply, turn.Ended)
	}
	for call := range r.Calls() {
		calls++
		inOrder(fmt.Sprintf("call %d, %s", call.ID, call.Operation), call.Start, call.FirstByte, call.End)
	}
	for s := range r.Samples() {
		inOrder("sample of "+s.Name, s.At)
	}
	if turns == 0 || calls == 0 || r.Err() != nil {
		t.Errorf("%d turns, %d calls, %v", turns, calls, r.Err())
	}
}
