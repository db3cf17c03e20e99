package socket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/deltaic/deltaic/supervision"
)

// maxLine is how many bytes a line may have.
const maxLine = 4 << 20

// lines cuts what comes on a connection into lines. It is used by one goroutine at a time.
type lines struct {
	conn  net.Conn
	text  []byte // read and not yet taken
	whole int    // bytes of text that are whole lines
	over  bool   // nothing more comes
}

// errClosed says that no line comes on a connection any more.
var errClosed = errors.New("the connection is closed")

// more waits for a whole line. It returns errClosed behind the last, and ctx's error when ctx ends: nothing is lost then.
func (l *lines) more(ctx context.Context) error {
	for l.whole == 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.over {
			return errClosed
		}
		if err := l.read(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) read(ctx context.Context) error {
	if len(l.text) > maxLine {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "SOCKET_LINE_TOO_LONG", Message: "the server at " + l.conn.RemoteAddr().String() + " sent a line of more than 4 MiB",
			Hint: "lines end with a line feed"}
	}
	if free := cap(l.text) - len(l.text); free < 4<<10 {
		l.text = append(make([]byte, 0, max(64<<10, 2*cap(l.text))), l.text...)
	}
	_ = l.conn.SetReadDeadline(time.Time{}) // a connection that takes none has an error for Read too
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) })
	n, err := l.conn.Read(l.text[len(l.text):cap(l.text)])
	stop()
	before := len(l.text)
	l.text = l.text[:before+n]
	if i := bytes.LastIndexByte(l.text[before:], '\n'); i >= 0 {
		l.whole = before + i + 1
	}
	var timeout net.Error
	switch {
	case err == nil || errors.As(err, &timeout) && timeout.Timeout():
	case errors.Is(err, io.EOF):
		l.over, l.whole = true, len(l.text) // the last line may have no end
	default: // what there is of a line that was cut off is not one
		l.over = true
	}
	return nil
}

// next takes a line without its end. There is one.
func (l *lines) next() []byte {
	i := bytes.IndexByte(l.text[:l.whole], '\n')
	end := i
	if i < 0 {
		i, end = l.whole-1, l.whole
	}
	line := l.text[:end]
	l.text = l.text[i+1:]
	l.whole -= i + 1
	return bytes.TrimSuffix(line, []byte{'\r'})
}
