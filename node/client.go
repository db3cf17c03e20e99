package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deltaic/deltaic/node/api"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

// Bounds of an answer.
const answerBytes = 64 << 20

var answerWithin = 40 * time.Second // a process gives up before; a variable for tests

var errSilent = errors.New("no answer in time")

// target says which process to speak to.
type target struct{ at, location string }

func (t *target) add(c *cobra.Command) {
	c.Flags().StringVar(&t.at, "at", "", "address of the process, host:port")
	c.Flags().StringVar(&t.location, "location", "", "checkpoint location of the flow: its process has left the address there")
	c.MarkFlagsOneRequired("at", "location")
	c.MarkFlagsMutuallyExclusive("at", "location")
}

// address returns host:port. What is not loopback is refused: nothing of ours listens there.
func (t target) address() (string, error) {
	at := t.at
	if t.location != "" {
		path := filepath.Join(location.Here(t.location), listenFile)
		text, err := readBounded(path, 1<<10)
		if errors.Is(err, os.ErrNotExist) {
			return "", &supervision.Failure{Kind: supervision.Fatal, Class: "STREAM_NOT_RUNNING", Path: path,
				Message: "no process has left its address here", Hint: "is the flow running, with this checkpoint location and without --listen off?"}
		}
		if err != nil {
			return "", err
		}
		at = strings.TrimSpace(string(text))
	}
	at = strings.TrimSuffix(strings.TrimPrefix(at, "http://"), "/")
	if err := api.CheckAddress(at); err != nil {
		return "", invalid(err)
	}
	return at, nil
}

// call asks the process and decodes its answer into v. path follows /api/v1/streams.
func (t target) call(ctx context.Context, method, path string, v any) error {
	at, err := t.address()
	if err != nil {
		return err
	}
	if method == http.MethodGet { // others wait for the flow, as long as it has been told to
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, answerWithin, errSilent)
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+at+"/api/v1/streams"+path, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return silent(ctx, at, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	if err != nil {
		return silent(ctx, at, err)
	}
	if response.StatusCode != http.StatusOK {
		var problem struct{ Class, Detail string }
		_ = json.Unmarshal(data, &problem)
		if problem.Class == "" {
			problem.Class, problem.Detail = "STREAM_NOT_RUNNING", fmt.Sprintf("%s answered %s", at, response.Status)
		}
		return &supervision.Failure{Kind: supervision.Fatal, Class: problem.Class, Message: problem.Detail}
	}
	return json.Unmarshal(data, v)
}

// silent is the error of a call that was not answered.
func silent(ctx context.Context, at string, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		err = errSilent
	} else if ctx.Err() != nil {
		return ctx.Err()
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "STREAM_NOT_RUNNING", Message: "nothing answers at " + at, Cause: unwrapURL(err),
		Hint: "is the flow running? a process that was killed leaves its address behind"}
}

func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// named returns the path of the flow: the one that was asked for, or the only one that runs there.
func (t target) named(ctx context.Context, args []string) (string, error) {
	if len(args) > 0 {
		return "/" + url.PathEscape(args[0]), nil
	}
	var all []struct{ Name string }
	if err := t.call(ctx, http.MethodGet, "", &all); err != nil {
		return "", err
	}
	if len(all) == 1 {
		return "/" + url.PathEscape(all[0].Name), nil
	}
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.Name
	}
	return "", usage("%d flows run there, name one: %s", len(all), strings.Join(names, ", "))
}
