package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node/quarantine"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
)

func (p *process) quarantineCommand() *cobra.Command {
	return group(&cobra.Command{Use: "quarantine", Short: "Rows that a flow has rejected: see them, and give them back"},
		p.quarantineListCommand(), p.quarantineReplayCommand())
}

func (p *process) quarantineListCommand() *cobra.Command {
	var f readFlags
	all := false
	c := &cobra.Command{
		Use: "list PATH", Short: "The rows that wait in a quarantine", Args: cobra.ExactArgs(1),
		Example: "  deltaic quarantine list lake/quarantine --where \"rule = 'paid'\" --json",
		RunE: func(c *cobra.Command, args []string) error {
			if f.limit < -1 {
				return usage("--limit is %d", f.limit)
			}
			return p.listQuarantine(c.Context(), args[0], f, all)
		},
	}
	c.Flags().StringVar(&f.where, "where", "", "only rows for which this SQL condition is true")
	c.Flags().BoolVar(&all, "all", false, "those too that went back")
	c.Flags().Int64Var(&f.limit, "limit", -1, "rows at most")
	return c
}

func (p *process) listQuarantine(ctx context.Context, path string, f readFlags, all bool) error {
	f.version = -1
	table, err := openTable(path)
	if err != nil {
		return err
	}
	s, err := table.Snapshot(ctx)
	if err != nil {
		return err
	}
	if err := quarantine.Check(s, path); err != nil {
		return invalid(err)
	}
	if !all {
		if f.where, err = quarantine.Waiting(s, f.where); err != nil {
			return invalid(err)
		}
	}
	q, err := newRowQuery(s, f)
	if err != nil {
		return invalid(err)
	}
	return p.printRows(ctx, s, q, f)
}

// replayFlags are the flags of quarantine replay.
type replayFlags struct {
	overrides
	where, with, flow string
}

// replayed is what the command did.
type replayed struct {
	Flow        string           `json:"flow"`
	Replayed    int64            `json:"replayed"`                     // rows that went back
	Quarantined int64            `json:"quarantined"`                  // of those and what was made of them: rows that were rejected again
	Unrepaired  int64            `json:"unrepaired"`                   // rows that wait on as they were: they cannot be read back or repaired
	Why         string           `json:"unrepaired_because,omitempty"` // of the first of these
	RowsOut     map[string]int64 `json:"rows_out"`
	Epoch       int64            `json:"epoch"` // in which they went back; 0: none did
}

func (p *process) quarantineReplayCommand() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use: "replay PATH", Short: "Give rows of a quarantine back to their flow", Args: cobra.ExactArgs(1),
		Long: "Rows that wait enter the step that rejected them, as its flow says it now, and go on from there with the flow's own state into its own\n" +
			"tables: exactly once, in one epoch of the flow, in which they are marked in the quarantine. What is rejected again is a new row there;\n" +
			"what cannot be read back or repaired is left as it is, counted, and waits on. A row of other columns than the step is given now is refused, unless --with makes them.\n" +
			"The flow must be stopped. --with names the flow file with the correction, or is SQL: a list of expressions over the columns that\n" +
			"the step was given, each of which replaces the column of its name; or a file of such SQL. A flow file ends in .yaml or .yml, a file of SQL in .sql.",
		Example: "  deltaic quarantine replay lake/quarantine --with flow.yaml\n" +
			"  deltaic quarantine replay lake/quarantine --where \"rule = 'paid'\" --with \"abs(amount) AS amount\" --json",
		RunE: func(c *cobra.Command, args []string) error { return p.replay(c.Context(), args[0], f) },
	}
	c.Flags().StringVar(&f.where, "where", "", "only rows of the quarantine for which this SQL condition is true")
	c.Flags().StringVar(&f.with, "with", "", "the corrected flow file (.yaml, .yml), SQL that repairs the rows, or a file of it (.sql)")
	c.Flags().StringVar(&f.flow, "flow", "", "the flow file, if --with is SQL; the one that the quarantine names if neither is given")
	c.Flags().StringArrayVar(&f.set, "set", nil, "override a key of the flow file: a.b=c (repeatable)")
	c.Flags().StringVar(&f.location, "checkpoint-location", "", "override checkpointLocation")
	return c
}

// replay gives rows back.
func (p *process) replay(ctx context.Context, path string, f replayFlags) error {
	limitRuntime()
	logger, err := p.logger()
	if err != nil {
		return err
	}
	defer func() { _ = logger.Sync() }()
	table, err := openTable(path)
	if err != nil {
		return err
	}
	s, err := table.Snapshot(ctx)
	if err != nil {
		return err
	}
	if err := quarantine.Check(s, path); err != nil {
		return invalid(err)
	}
	if _, err := quarantine.Waiting(s, f.where); err != nil {
		return invalid(err)
	}
	file, repair, err := f.files(ctx, table)
	if err != nil {
		return err
	}
	// What an earlier run has decided is in the tables before anything is looked for: rows may be on their way back already.
	u, err := p.quarantineFlow(ctx, path, file, f.overrides)
	if err != nil {
		return err
	}
	if _, err := p.runReplay(ctx, u, stream.Replay{}, logger); err != nil {
		return err
	}
	rows, err := quarantine.Open(ctx, table, f.where)
	if err != nil {
		return err
	}
	done := &replayed{Flow: u.name, RowsOut: map[string]int64{}}
	if rows.Len() > 0 {
		if u, err = p.quarantineFlow(ctx, path, file, f.overrides); err != nil {
			return err
		}
		if done, err = p.giveBack(ctx, u, rows, repair, logger); err != nil {
			return err
		}
	}
	if p.asJSON() {
		return p.print(done)
	}
	p.say("%s: %s rows went back, %s were rejected again\n", done.Flow, commas(done.Replayed), commas(done.Quarantined))
	if done.Unrepaired > 0 {
		p.say("  %s rows wait on as they were: they cannot be read back or repaired: %s\n", commas(done.Unrepaired), done.Why)
	}
	for _, name := range sortedKeys(done.RowsOut) {
		p.say("  %-20s %d rows\n", name, done.RowsOut[name])
	}
	return nil
}

// giveBack gives back the rows that can be read and repaired; the others are left as they are.
func (p *process) giveBack(ctx context.Context, u *unit, rows *quarantine.Rows, repair string, logger *zap.Logger) (*replayed, error) {
	r := stream.Replay{Rows: rows, From: rows.From(), Repair: repair}
	sifted, err := u.flow.Sift(ctx, r, time.Now())
	if err != nil {
		return nil, invalid(u.file.Place(err))
	}
	rows.Leave(sifted.Rows)
	done := &replayed{Flow: u.name, RowsOut: map[string]int64{}}
	if rows.Len() > 0 {
		if done, err = p.runReplay(ctx, u, r, logger); err != nil {
			return nil, err
		}
	}
	done.Unrepaired, done.Why = int64(len(sifted.Rows)), sifted.First
	return done, nil
}

// files returns the flow file, "" for flows that are compiled in, and the SQL that repairs rows.
func (f *replayFlags) files(ctx context.Context, table *delta.Table) (file, repair string, err error) {
	file, repair = f.flow, strings.TrimSpace(f.with)
	switch extension := strings.ToLower(filepath.Ext(repair)); {
	case extension == ".yaml" || extension == ".yml":
		if file != "" {
			return "", "", usage("--with %s and --flow %s both name a flow file", repair, file)
		}
		return repair, "", nil
	case extension == ".sql":
		text, err := readFlowFile(repair)
		if err != nil {
			return "", "", err
		}
		repair = strings.TrimSuffix(strings.TrimSpace(string(text)), ";")
	}
	if file != "" {
		return file, repair, nil
	}
	head, err := table.Head(ctx)
	if err != nil {
		return "", "", err
	}
	return head.Metadata.Configuration[flowFileProperty], repair, nil
}

// quarantineFlow returns the flow that the quarantine belongs to, ready to be changed.
func (p *process) quarantineFlow(ctx context.Context, path, file string, o overrides) (*unit, error) {
	if file == "" && len(p.env.Flows) == 0 {
		return nil, usage("which flow? the quarantine does not name its file: give --flow FILE")
	}
	if len(p.env.Flows) > 0 {
		if _, err := os.Stat(file); err != nil {
			file = ""
		}
	}
	units, err := p.load(file, o)
	if err != nil {
		return nil, err
	}
	for _, u := range units {
		if sink, is := u.flow.QuarantineSink().(*delta.Sink); !is || !samePlace(sink.Path(), path) {
			continue
		}
		return u, p.stopped(ctx, u)
	}
	return nil, invalid(&supervision.Failure{Kind: supervision.Fatal, Class: "QUARANTINE_NOT_REPLAYABLE", Path: path,
		Message: fmt.Sprintf("no flow of %s has this quarantine", file), Hint: "name the file of its flow: --flow FILE"})
}

// samePlace reports whether two locations are one.
func samePlace(a, b string) bool {
	if location.Remote(a) || location.Remote(b) {
		return location.Clean(a) == location.Clean(b)
	}
	return location.Here(a) == location.Here(b)
}

// stopped refuses a flow that runs: both would fence each other.
func (p *process) stopped(ctx context.Context, u *unit) error {
	if u.location == "" {
		return nil
	}
	var s stream.Status
	if !held(u) && (target{location: u.location}).call(ctx, http.MethodGet, "/"+u.name+"/status", &s) != nil {
		return nil // nobody has it, and nobody answers
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "STREAM_IS_RUNNING", Flow: u.name, Message: "the flow " + u.name + " is running",
		Hint: fmt.Sprintf("stop it first: deltaic stop %s --location %s; its sources wait meanwhile", u.name, u.location)}
}

// runReplay runs the flow for a replay.
func (p *process) runReplay(ctx context.Context, u *unit, r stream.Replay, logger *zap.Logger) (*replayed, error) {
	done := &replayed{Flow: u.name, RowsOut: map[string]int64{}}
	options := append([]stream.Option{stream.MemoryLimit(memoryLimit())}, u.options...)
	query, err := p.env.Start(ctx, Start{Flow: u.flow.Replay(r), Options: append(options, stream.Once()), Logger: logger.With(zap.String("stream", u.name)),
		OnEpoch: func(e actors.Progress) {
			done.Replayed += e.NumInputRows
			done.Quarantined += e.Rejected
			for _, s := range e.Sinks {
				done.RowsOut[s.Name] += max(0, s.NumOutputRows)
			}
			if e.NumInputRows > 0 {
				done.Epoch = e.BatchID
			}
		}})
	if err != nil {
		return nil, invalid(u.file.Place(err))
	}
	if err := query.AwaitTermination(ctx); err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	return done, nil
}
