package deltaic_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/socket"
	"github.com/deltaic/deltaic/stream"
)

// TestLinesGoThroughAFlow: what one server says comes to another, also after the first has hung up in between.
func TestLinesGoThroughAFlow(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	listen := func() (net.Listener, socket.Options) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		t.Cleanup(func() { l.Close() })
		return l, socket.Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Retry: time.Millisecond}
	}
	from, in := listen()
	to, out := listen()
	go func() {
		for i := 0; ; i++ {
			c, err := from.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(c, "%d\n%d\nno number\n", 2*i, 2*i+1)
			c.Close()
		}
	}()
	source, err := socket.NewSource(in)
	must(t, err)
	sink, err := socket.NewSink(out)
	must(t, err)
	flow := stream.New("lines")
	flow.From("in", source).Select("try_cast(value AS int) AS n").Where("n IS NOT NULL").To("out", sink, stream.Append)
	q, err := deltaic.Start(ctx, flow, stream.CheckpointLocation(t.TempDir()), stream.Parallelism(1))
	must(t, err)
	c, err := to.Accept()
	must(t, err)
	var got []string
	for lines := bufio.NewScanner(c); len(got) < 6 && lines.Scan(); {
		got = append(got, lines.Text())
	}
	if want := []string{`{"n":0}`, `{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`, `{"n":5}`}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	must(t, q.Stop(ctx))
}
