package socket

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/supervision"
)

// Options say which server is called. Host and Port are required.
type Options struct {
	Host             string
	Port             int                                                         // 1 to 65535
	IncludeTimestamp bool                                                        // of the source: a column with the time at which a line was read
	Now              func() time.Time                                            // of those times; nil: time.Now
	Dial             func(ctx context.Context, address string) (net.Conn, error) // nil: TCP
	Retry            time.Duration                                               // of the source: from one call to the next of a server that does not answer; 0: 1 s
}

// Known are the options that [ParseSource] knows; a sink knows the first two.
var Known = []string{"host", "port", "includeTimestamp"}

// dialTimeout is how long a server may take to answer a call.
const dialTimeout = 10 * time.Second

func (o *Options) complete() error {
	if o.Host == "" {
		return missing("host")
	}
	if o.Port == 0 {
		return missing("port")
	}
	if o.Port < 1 || o.Port > 65535 {
		return supervision.New(supervision.Fatal, "INVALID_OPTION", "socket: port is %d; want 1 to 65535", o.Port)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Retry <= 0 {
		o.Retry = time.Second
	}
	if o.Dial == nil {
		dialer := net.Dialer{Timeout: dialTimeout}
		o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}
	}
	return nil
}

func missing(name string) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_OPTION", Message: fmt.Sprintf("socket: option %s is missing", name),
		Hint: "set host and port to those of the server"}
}

func (o *Options) address() string { return net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) }

// call connects to the server.
func (o *Options) call(ctx context.Context) (net.Conn, error) {
	c, err := o.Dial(ctx, o.address())
	if err != nil {
		return nil, &supervision.Failure{Kind: supervision.Restart, Class: "SOCKET_NOT_CONNECTED", Message: fmt.Sprintf("no connection to the server at %s: %v", o.address(), err),
			Hint: "start the server first, such as nc -lk " + strconv.Itoa(o.Port), Cause: err}
	}
	return c, nil
}

// parse reads options by Spark's names, which have no case.
func parse(named map[string]string, known []string) (Options, error) {
	var o Options
	for name, text := range named {
		var err error
		switch i := index(known, name); {
		case i == 0:
			o.Host = text
		case i == 1:
			o.Port, err = strconv.Atoi(text)
		case i == 2:
			o.IncludeTimestamp, err = strconv.ParseBool(strings.ToLower(text))
		default:
			return o, &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_OPTION", Message: fmt.Sprintf("socket has no option %q", name),
				Hint: "known options: " + strings.Join(known, ", ")}
		}
		if err != nil {
			return o, supervision.New(supervision.Fatal, "INVALID_OPTION", "socket: %s is %q; want %s", name, text, [...]string{"", "a number from 1 to 65535", "true or false"}[index(known, name)])
		}
	}
	return o, nil
}

func index(known []string, name string) int {
	for i, k := range known {
		if strings.EqualFold(k, name) {
			return i
		}
	}
	return -1
}

// ParseSource makes a source of Spark's options.
func ParseSource(named map[string]string) (*Source, error) {
	o, err := parse(named, Known)
	if err != nil {
		return nil, err
	}
	return NewSource(o)
}

// ParseSink makes a sink of options named as those of the source.
func ParseSink(named map[string]string) (*Sink, error) {
	o, err := parse(named, Known[:2])
	if err != nil {
		return nil, err
	}
	return NewSink(o)
}
