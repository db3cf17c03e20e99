package node

import (
	"io"
	"os"
	"strings"

	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

// unit is a flow that is to be run, and where it was said.
type unit struct {
	flow     *stream.Flow
	file     *flowfile.File // nil: compiled in
	name     string
	location string // checkpoint location, "" if there is none
	options  []stream.Option
	warnings []string
	reload   func() (*unit, error) // reads the flow again; nil: it is compiled in
}

// overrides are the flags that stand above the file.
type overrides struct {
	set      []string
	trigger  string
	location string
}

// load reads the flows of a file, or takes those that are compiled in if path is "".
func (p *process) load(path string, o overrides) ([]*unit, error) {
	var units []*unit
	if path == "" {
		if len(p.env.Flows) == 0 {
			return nil, usage("which flow? give a FILE")
		}
		if len(o.set) > 0 {
			return nil, usage("--set overrides keys of a file, and there is none")
		}
		for _, f := range p.env.Flows {
			units = append(units, &unit{flow: f, name: f.Name()})
		}
	} else {
		text, err := readFlowFile(path)
		if err != nil {
			return nil, err
		}
		if units, err = p.parse(path, text, o.set); err != nil {
			return nil, err
		}
	}
	if path != "" {
		for _, u := range units {
			u.reload = func() (*unit, error) { return p.loadAgain(path, o, u.name) }
		}
	}
	return units, p.override(units, o)
}

// loadAgain reads one flow of a file.
func (p *process) loadAgain(path string, o overrides, name string) (*unit, error) {
	units, err := p.load(path, o)
	if err != nil {
		return nil, err
	}
	for _, u := range units {
		if u.name == name {
			return u, nil
		}
	}
	return nil, invalid(&supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW_FILE", Path: path, Message: "the file has no flow " + name + " any more"})
}

func readFlowFile(path string) ([]byte, error) {
	text, err := readBounded(path, flowfile.MaxBytes+1) // the parser says that it is too much
	if err != nil {
		return nil, invalid(&supervision.Failure{Kind: supervision.Fatal, Class: classOf(err), Path: path, Message: "the flow file cannot be read", Cause: unwrapPath(err)})
	}
	return text, nil
}

// unwrapPath drops operation and path, which the failure has already.
func unwrapPath(err error) error {
	if e, ok := err.(*os.PathError); ok {
		return e.Err
	}
	return err
}

func (p *process) parse(path string, text []byte, set []string) ([]*unit, error) {
	files, err := flowfile.Parse(path, text, flowfile.Options{Env: os.LookupEnv, ReadFile: readSecret, Set: set, Connectors: connectorsOf(path, p.env.Stdout), Functions: p.env.Functions})
	p.hide(files)
	if err != nil {
		return nil, invalid(err)
	}
	var units []*unit
	names := map[string]bool{}
	for _, f := range files {
		if names[f.Name] {
			return nil, invalid(&supervision.Failure{Kind: supervision.Fatal, Class: "DUPLICATE_NAME", Path: path, Message: "two flows of the file are called " + f.Name})
		}
		names[f.Name] = true
		if err := checkAlerts(f); err != nil {
			return nil, invalid(err)
		}
		units = append(units, &unit{flow: f.Flow(), file: f, name: f.Name, location: f.CheckpointLocation, options: f.Options, warnings: f.Warnings})
	}
	return units, nil
}

// readSecret reads what ${file:path} stands for: at most 1 MiB.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > 1<<20 || !info.Mode().IsRegular() {
		return "", &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW_FILE", Message: "not a regular file of at most 1 MiB"}
	}
	text, err := readBounded(path, 1<<20)
	return string(text), err
}

// readBounded reads at most the first bytes of a file: what it names may have no end.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// override applies the flags to every flow.
func (p *process) override(units []*unit, o overrides) error {
	for _, u := range units {
		if o.location != "" {
			u.location = o.location
			if len(units) > 1 {
				u.location = location.Join(o.location, u.name)
			}
			u.options = append(u.options, stream.CheckpointLocation(u.location))
		}
		if o.trigger == "" {
			continue
		}
		option, err := parseTrigger(o.trigger)
		if err != nil {
			return &ExitError{Code: ExitUsage, Err: err}
		}
		u.options = append(u.options, option)
	}
	return nil
}

// parseTrigger reads availableNow, once, or a trigger with an interval such as
// "processingTime=10 seconds".
func parseTrigger(text string) (stream.Option, error) {
	name, argument, _ := strings.Cut(text, "=")
	option, err := flowfile.Trigger(strings.TrimSpace(name), strings.TrimSpace(argument))
	if err != nil {
		return nil, usage("--trigger %s: %v", text, err)
	}
	return option, nil
}
