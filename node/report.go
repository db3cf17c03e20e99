package node

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

// reported is an error as --json prints it. Keys that say nothing are left out.
type reported struct {
	Class     string     `json:"class"`
	Message   string     `json:"message"`
	Hint      string     `json:"hint,omitempty"`
	File      string     `json:"file,omitempty"`
	Line      int        `json:"line,omitempty"`
	Column    int        `json:"column,omitempty"`
	Path      string     `json:"path,omitempty"`
	Version   *int64     `json:"version,omitempty"`
	Topic     string     `json:"topic,omitempty"`
	Partition *int32     `json:"partition,omitempty"`
	Offset    *int64     `json:"offset,omitempty"`
	Others    []reported `json:"others,omitempty"`
}

// describe turns an error into what users see of it.
func describe(err error) reported {
	f, all := outermost(err)
	if len(all) > 0 {
		first := describe(all[0])
		for _, e := range all[1:] {
			first.Others = append(first.Others, describe(e))
		}
		return first
	}
	if f == nil {
		return reported{Class: classOf(err), Message: err.Error()}
	}
	bare := *f
	bare.Path, bare.Class = "", ""
	if f.Topic != "" && f.Partition != nil {
		bare.Topic = "" // it has keys of its own
	}
	r := reported{Class: f.Class, Message: bare.Error(), Hint: f.Hint, Line: f.Line, Column: f.Column,
		Version: f.Version, Topic: f.Topic, Partition: f.Partition, Offset: f.Offset}
	if r.Class == "" {
		r.Class = classOf(err)
	}
	if f.Line > 0 {
		r.File = f.Path
	} else {
		r.Path = f.Path
	}
	return r
}

// outermost returns the first failure, or the first list of errors, on the way down from err.
func outermost(err error) (*supervision.Failure, []error) {
	for err != nil {
		switch e := err.(type) {
		case *supervision.Failure:
			return e, nil
		case interface{ Unwrap() []error }:
			return nil, e.Unwrap()
		}
		err = errors.Unwrap(err)
	}
	return nil, nil
}

func classOf(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "PATH_NOT_FOUND"
	case errors.Is(err, fs.ErrPermission):
		return "PERMISSION_DENIED"
	}
	return "RUN_FAILED"
}

// text is the form for people: file:line:column: CLASS: message, and the hint
// on the next line.
func (r reported) text() string {
	var s strings.Builder
	place := r.Path
	if r.File != "" {
		place = fmt.Sprintf("%s:%d", r.File, r.Line)
		if r.Column > 0 {
			place += fmt.Sprintf(":%d", r.Column)
		}
	}
	if place == "" && r.Topic != "" && r.Partition != nil {
		place = fmt.Sprintf("%s[%d]", r.Topic, *r.Partition)
		if r.Offset != nil {
			place += fmt.Sprintf("@%d", *r.Offset)
		}
	}
	if place != "" {
		s.WriteString(place + ": ")
	}
	s.WriteString(r.Class + ": " + r.Message + "\n")
	if r.Hint != "" {
		s.WriteString("  " + r.Hint + "\n")
	}
	for _, o := range r.Others {
		s.WriteString(o.text())
	}
	return s.String()
}

// report prints the error on stderr, secrets masked.
func (p *process) report(err error) {
	r := describe(err)
	text := r.text()
	if p.asJSON() {
		var encodeErr error
		if text, encodeErr = encode(map[string]reported{"error": r}); encodeErr != nil {
			text = `{"error":{"class":"INTERNAL_ERROR","message":"the error cannot be printed"}}` + "\n"
		}
	}
	fmt.Fprint(p.env.Stderr, p.mask(text))
}

// usageFailure says how the command is used.
func usageFailure(command *cobra.Command, err error) error {
	f := &supervision.Failure{Kind: supervision.Fatal, Class: "USAGE", Message: err.Error()}
	if command != nil {
		f.Hint = fmt.Sprintf("see %s --help", command.CommandPath())
	}
	return f
}

// asFailure is errors.As for the one type that crosses rooms.
func asFailure(err error, f **supervision.Failure) bool { return errors.As(err, f) }
