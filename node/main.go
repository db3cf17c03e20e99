package node

import (
	"context"
	"io"
	"os"
	"sync"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/stream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
)

// Start is how a flow is to be run.
type Start struct {
	Flow    *stream.Flow
	Options []stream.Option
	Logger  *zap.Logger
	OnEpoch func(actors.Progress) // called in order with every epoch that is done; must not block
}

// Env is what a main introduces to the process. Start must be set; the zero
// value of the rest means the real thing.
type Env struct {
	// Start begins to run a flow.
	Start func(ctx context.Context, s Start) (*stream.Query, error)
	// Check says what Start would refuse before anything runs, and writes nothing. nil: nothing.
	Check func(ctx context.Context, s Start) error
	// Flows are compiled in: `run`, `check` and `plan` without a FILE use them.
	Flows []*stream.Flow
	// Functions are written in Go, for the expressions of flow files: see expr.Function1.
	Functions []expr.UserFunction
	// Bench are further commands under `bench`.
	Bench []*cobra.Command

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Signals        <-chan os.Signal // nil: SIGINT and SIGTERM of the process
	Exit           func(code int)   // at a second signal; nil: os.Exit
}

// Main runs the command line args (without the program's name) and returns the
// exit code: see [ExitError].
func Main(ctx context.Context, args []string, env Env) int {
	if env.Stdin == nil {
		env.Stdin = os.Stdin
	}
	if env.Stdout == nil {
		env.Stdout = os.Stdout
	}
	if env.Stderr == nil {
		env.Stderr = os.Stderr
	}
	if env.Exit == nil {
		env.Exit = os.Exit
	}
	p := &process{env: env}
	stopWatching := p.watch(ctx)
	defer stopWatching()
	root := p.root()
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	command, err := root.ExecuteContextC(p.stopping)
	return p.finish(command, err)
}

// process is one run of Main.
type process struct {
	env Env

	stopping context.Context // ends at the first signal
	signal   signalled
	began    bool // a command's own code was reached: what fails from here on is not usage

	json    bool
	output  string
	log     logFlags
	secrets struct {
		mu    sync.Mutex
		files []*flowfile.File
	}
}
