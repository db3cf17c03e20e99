package node

import (
	"io"

	"github.com/deltaic/deltaic/stream"
)

// write appends one object as a line, in one write: a reader that follows the file
// sees whole lines.
func (f *progressFile) write(p stream.Progress) error {
	line, err := encode(p)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err = io.WriteString(f.f, line)
	return err
}

// Close ends the file.
func (f *progressFile) Close() error { return f.f.Close() }
