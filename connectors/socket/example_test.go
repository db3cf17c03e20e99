package socket_test

import (
	"context"
	"fmt"
	"net"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/socket"
)

func ExampleNewSource() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	go func() {
		if c, err := server.Accept(); err == nil {
			fmt.Fprintln(c, "first\nsecond")
		}
	}()
	ctx := context.Background()
	lines, err := socket.NewSource(socket.Options{Host: "127.0.0.1", Port: server.Addr().(*net.TCPAddr).Port})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lines.Close()
	at, err := lines.Start(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	reader, err := lines.Open(ctx, at, connectors.OpenOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := reader.Next(ctx)
	fmt.Println(f.Batch.N, string(f.Batch.Columns[0].Bytes(1)), f.After, err)
	// Output: 2 second 2 <nil>
}
