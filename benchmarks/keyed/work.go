package keyed

import (
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/deltaic/deltaic/benchmarks/measure"
)

// Place is what the settings of every worker say of files.
type Place struct {
	Dir     string `json:"dir"`     // where state and ledger lie; made if it is not there
	Profile string `json:"profile"` // file for a profile of processor time; "": none
}

func (p Place) place() Place { return p }

// Work is the life of a worker: it reads settings from in, runs under a profile if they ask for one, and writes the result to out.
func Work[S interface{ place() Place }, R any](in io.Reader, out io.Writer, run func(S) (R, error)) error {
	var s S
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return err
	}
	if err := os.MkdirAll(s.place().Dir, 0o755); err != nil {
		return err
	}
	finish, err := measure.Profile(s.place().Profile)
	if err != nil {
		return err
	}
	r, err := run(s)
	if err := errors.Join(err, finish()); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}
