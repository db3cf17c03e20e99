package measure

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Child is a process of this same program that runs one side of a comparison. It gets its
// settings as JSON on its standard input, answers with lines of JSON on its standard
// output, and ends when its input does.
type Child struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	output *bufio.Reader
	errors tail
	perf   string // file with the counters, "" if they are not counted
}

// tail keeps the end of what a child says on its standard error.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if n := len(t.text) - 1<<14; n > 0 {
		t.text = append(t.text[:0], t.text[n:]...)
	}
	return len(p), nil
}

// StartChild starts the program again with the arguments. With count its instructions are counted,
// where the machine has perf.
func StartChild(ctx context.Context, settings any, count bool, args ...string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &Child{}
	line := append([]string{self}, args...)
	if count && HasPerf() {
		f, err := os.CreateTemp("", "deltaic-perf-")
		if err != nil {
			return nil, err
		}
		f.Close()
		c.perf = f.Name()
		line = append([]string{"perf", "stat", "-e", "instructions:u", "-x", ",", "-o", c.perf, "--"}, line...)
	}
	c.cmd = exec.CommandContext(ctx, line[0], line[1:]...)
	c.cmd.Stderr = &c.errors
	c.cmd.WaitDelay = 10 * time.Second
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.output = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	return c, json.NewEncoder(c.input).Encode(settings)
}

// Answer reads the child's next answer.
func (c *Child) Answer(into any) error {
	line, err := c.output.ReadBytes('\n')
	if err != nil {
		c.input.Close()
		return errors.Join(fmt.Errorf("bench: %s ended without an answer: %s", strings.Join(c.cmd.Args[1:], " "), bytes.TrimSpace(c.errors.text)), c.cmd.Wait())
	}
	return json.Unmarshal(line, into)
}

// Tell sends the child something more on its standard input.
func (c *Child) Tell(what any) error {
	if err := json.NewEncoder(c.input).Encode(what); err != nil {
		return fmt.Errorf("bench: %s: %w: %s", strings.Join(c.cmd.Args[1:], " "), err, bytes.TrimSpace(c.errors.text))
	}
	return nil
}

// Finish ends the child's input and reads its last answer.
func (c *Child) Finish(into any) error {
	c.input.Close()
	if err := c.Answer(into); err != nil {
		return err
	}
	_, err := c.Close()
	return err
}

// Kill ends the child at once, wherever it is (SIGKILL), and waits until it is gone.
func (c *Child) Kill() error {
	err := c.cmd.Process.Kill()
	c.input.Close()
	_, _ = io.Copy(io.Discard, c.output)
	_ = c.cmd.Wait() // it says that the child was killed
	return err
}

// Close lets the child end and waits for it. It returns the instructions that the child's
// user code took, 0 if they were not counted.
func (c *Child) Close() (float64, error) {
	c.input.Close()
	_, _ = io.Copy(io.Discard, c.output)
	err := c.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("bench: %s: %w: %s", strings.Join(c.cmd.Args[1:], " "), err, bytes.TrimSpace(c.errors.text))
	}
	if c.perf == "" {
		return 0, err
	}
	defer os.Remove(c.perf)
	return instructions(c.perf), err
}

// instructions reads what perf counted.
func instructions(path string) float64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "instructions") {
			count, _, _ := strings.Cut(line, ",")
			n, err := strconv.ParseFloat(count, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}

// HasPerf reports whether this machine counts instructions of a process.
func HasPerf() bool {
	path, err := exec.LookPath("perf")
	if err != nil {
		return false
	}
	f, err := os.CreateTemp("", "deltaic-perf-")
	if err != nil {
		return false
	}
	f.Close()
	defer os.Remove(f.Name())
	if exec.Command(path, "stat", "-e", "instructions:u", "-x", ",", "-o", f.Name(), "--", "true").Run() != nil {
		return false
	}
	return instructions(f.Name()) > 0
}
