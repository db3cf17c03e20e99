package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

// stateFlags say what of a state is looked at.
type stateFlags struct {
	step, table, key string
	epoch, from, to  int64
}

func (p *process) stateCommand() *cobra.Command {
	return group(&cobra.Command{Use: "state", Short: "The keyed state in a checkpoint location"},
		p.stateListCommand(), p.stateReadCommand(), p.stateDiffCommand())
}

func (p *process) stateListCommand() *cobra.Command {
	f := stateFlags{}
	c := &cobra.Command{
		Use: "list LOCATION", Short: "The tables of a flow's state", Args: cobra.ExactArgs(1),
		Long:    "Reads the state files that the newest decided epoch names, and says how much each table holds.",
		Example: "  deltaic state list ./state/orders\n  deltaic state list ./state/orders --epoch 17 --json",
		RunE:    func(c *cobra.Command, args []string) error { return p.stateList(c.Context(), args[0], f) },
	}
	c.Flags().Int64Var(&f.epoch, "epoch", 0, "epoch to read, of those that are kept; 0: the newest")
	return c
}

func (p *process) stateReadCommand() *cobra.Command {
	f := stateFlags{}
	c := &cobra.Command{
		Use: "read LOCATION", Short: "Rows of a flow's state", Args: cobra.ExactArgs(1),
		Example: "  deltaic state read ./state/orders --step per-region\n  deltaic state read ./state/orders --step dedup --key '{\"order_id\": \"o-17\"}' --json",
		RunE: func(c *cobra.Command, args []string) error {
			if f.step == "" {
				return usage("state read needs --step; deltaic state list names the steps")
			}
			return p.stateRead(c.Context(), args[0], f)
		},
	}
	c.Flags().StringVar(&f.step, "step", "", "name of the step")
	c.Flags().StringVar(&f.table, "table", "", "name of the table; all of the step if it is not given")
	c.Flags().Int64Var(&f.epoch, "epoch", 0, "epoch to read, of those that are kept; 0: the newest")
	c.Flags().StringVar(&f.key, "key", "", "print only rows whose key has these values: a JSON object")
	return c
}

func (p *process) stateDiffCommand() *cobra.Command {
	f := stateFlags{}
	c := &cobra.Command{
		Use: "diff LOCATION", Short: "What changed in a flow's state between two epochs", Args: cobra.ExactArgs(1),
		Example: "  deltaic state diff ./state/orders --from 16 --to 17",
		RunE: func(c *cobra.Command, args []string) error {
			if f.from < 1 || f.to < 1 {
				return usage("state diff needs --from and --to, which are epochs: 1 or later")
			}
			return p.stateDiff(c.Context(), args[0], f)
		},
	}
	c.Flags().Int64Var(&f.from, "from", 0, "the earlier epoch")
	c.Flags().Int64Var(&f.to, "to", 0, "the later epoch")
	c.Flags().StringVar(&f.step, "step", "", "name of the step; all if it is not given")
	c.Flags().StringVar(&f.table, "table", "", "name of the table; all if it is not given")
	return c
}

// manifestAt returns the manifest of an epoch, 0 for the newest decided one, and where its files lie.
func manifestAt(ctx context.Context, location string, epoch int64) (*epochs.Manifest, objstore.Store, error) {
	table, store, err := ledgerAt(ctx, location)
	if err != nil {
		return nil, nil, err
	}
	versions, err := table.Log().Versions(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i := len(versions) - 1; i >= 0; i-- {
		entries, err := entriesOf(ctx, table, versions[i].Version)
		if errors.Is(err, objstore.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			if e.Epoch < 1 || epoch != 0 && e.Epoch != epoch {
				continue
			}
			if epoch == 0 {
				m, err := newestOf(ctx, store, e)
				return m, store, err
			}
			m, err := manifestOf(ctx, store, e)
			if err != nil {
				return nil, nil, err
			}
			if m.Epoch == e.Epoch {
				return m, store, nil
			}
		}
	}
	what := fmt.Sprintf("epoch %d", epoch)
	if epoch == 0 {
		what = "the newest epoch"
	}
	return nil, nil, &supervision.Failure{Kind: supervision.Fatal, Class: "EPOCH_NOT_KEPT", Path: location, Message: what + " is not in the ledger any more, or was never decided",
		Hint: "deltaic epochs " + location + " lists those that are"}
}

// newestOf returns the manifest of the newest epoch, which must be there.
func newestOf(ctx context.Context, store objstore.Store, e *epochs.Entry) (*epochs.Manifest, error) {
	m, err := manifestOf(ctx, store, e)
	if err != nil || m.Epoch == e.Epoch || e.ManifestFile == nil {
		return m, err
	}
	return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "MANIFEST_MISSING", Path: store.URI() + "/" + e.ManifestFile.Path,
		Message: fmt.Sprintf("the manifest of epoch %d, the newest, is not there", e.Epoch),
		Hint:    "the checkpoint location and the ledger belong together: restore both"}
}

// storedAt returns the state of an epoch.
func storedAt(ctx context.Context, location string, epoch int64) (persistence.Stored, error) {
	m, store, err := manifestAt(ctx, location, epoch)
	if err != nil {
		return persistence.Stored{}, err
	}
	return storedIn(m, store), nil
}

func storedIn(m *epochs.Manifest, store objstore.Store) persistence.Stored {
	s := persistence.Stored{Objects: store, Incarnation: m.Incarnation, Groups: m.KeyGroups, Pool: batch.NewPool()}
	for _, f := range m.State {
		s.Files = append(s.Files, persistence.StateFile(f))
	}
	return s
}

// stateTable is a line of state list.
type stateTable struct {
	Step          string `json:"step"`
	Table         string `json:"table"`
	SchemaVersion int    `json:"schema_version"`
	KeyGroups     int    `json:"key_groups"` // that have files
	Rows          int64  `json:"rows"`
	Bytes         int64  `json:"bytes"` // of files
	Bound         string `json:"bound"`
}

func (p *process) stateList(ctx context.Context, location string, f stateFlags) error {
	s, err := storedAt(ctx, location, f.epoch)
	if err != nil {
		return err
	}
	tables, err := s.Tables(ctx)
	if err != nil {
		return err
	}
	if !p.asJSON() {
		p.say("%-24s %-32s %12s %12s  %s\n", "step", "table", "rows", "bytes", "bound")
	}
	for _, t := range tables {
		line := stateTable{Step: t.Step, Table: t.Table, SchemaVersion: t.Spec.Version, KeyGroups: t.Groups, Rows: t.Rows, Bytes: t.Bytes, Bound: boundOf(t.Spec)}
		if !p.asJSON() {
			p.say("%-24s %-32s %12s %12s  %s\n", line.Step, line.Table, commas(line.Rows), commas(line.Bytes), line.Bound)
		} else if err := p.print(line); err != nil {
			return err
		}
	}
	return nil
}

// boundOf says what a table's own form tells about how much it can hold.
func boundOf(s state.Spec) string {
	switch {
	case s.Windowed:
		return "the windows that are open: each goes whole"
	case len(s.Keys) == 0:
		return "one row"
	}
	return "by the step's rule, which deltaic plan prints"
}

// stateRow is a line of state read.
type stateRow struct {
	Step     string          `json:"step"`
	Table    string          `json:"table"`
	KeyGroup int             `json:"key_group"`
	Segment  json.RawMessage `json:"segment,omitempty"` // of windowed tables: a timestamp
	Key      json.RawMessage `json:"key"`
	Value    json.RawMessage `json:"value"`
	Expires  *string         `json:"expires"` // null: the row's own form does not say
}

func (p *process) stateRead(ctx context.Context, location string, f stateFlags) error {
	wanted, err := keyFilter(f.key)
	if err != nil {
		return err
	}
	s, err := storedAt(ctx, location, f.epoch)
	if err != nil {
		return err
	}
	tables := tablesOf(s.Files, f)
	if len(tables) == 0 {
		return noTable(location, f)
	}
	for _, t := range tables {
		err := s.Rows(ctx, t[0], t[1], func(spec state.Spec, b *state.Block, groups []int32) error {
			for i := range b.N {
				key := objectOf(spec.Keys, b.Keys, i)
				if !matches(key, wanted) {
					continue
				}
				row := stateRow{Step: t[0], Table: t[1], KeyGroup: int(groups[i]), Key: key, Value: objectOf(spec.Values, b.Values, i)}
				if b.Segments != nil {
					row.Segment = segmentText(b.Segments[i])
				}
				if err := p.printRow(row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *process) printRow(r stateRow) error {
	if p.asJSON() {
		return p.print(r)
	}
	p.say("%s  %s  %s%s  %s\n", r.Step, r.Table, string(r.Segment), string(r.Key), string(r.Value))
	return nil
}

func noTable(location string, f stateFlags) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "STATE_TABLE_NOT_FOUND", Path: location, Step: f.step,
		Message: strings.TrimSpace("there is no state of this step " + f.table), Hint: "deltaic state list " + location + " names steps and tables"}
}

// tablesOf returns step and name of the tables that are asked for.
func tablesOf(files []persistence.StateFile, f stateFlags) [][2]string {
	found := map[[2]string]bool{}
	for _, s := range files {
		if (f.step == "" || s.Step == f.step) && (f.table == "" || s.Table == f.table) {
			found[[2]string{s.Step, s.Table}] = true
		}
	}
	var tables [][2]string
	for _, step := range sortedKeys(tablesByStep(found)) {
		for _, table := range sortedKeys(tablesByStep(found)[step]) {
			tables = append(tables, [2]string{step, table})
		}
	}
	return tables
}

func tablesByStep(tables map[[2]string]bool) map[string]map[string]bool {
	steps := map[string]map[string]bool{}
	for t := range tables {
		if steps[t[0]] == nil {
			steps[t[0]] = map[string]bool{}
		}
		steps[t[0]][t[1]] = true
	}
	return steps
}

// objectOf returns a row of columns as a JSON object.
func objectOf(names []state.Column, columns []*batch.Column, i int) json.RawMessage {
	out := []byte{'{'}
	for k, c := range columns {
		if k > 0 {
			out = append(out, ',')
		}
		out = batch.AppendJSONString(out, []byte(names[k].Name))
		out = batch.AppendJSON(append(out, ':'), c, i)
	}
	return append(out, '}')
}

func segmentText(at int64) json.RawMessage {
	return batch.AppendJSON(nil, &batch.Column{Type: batch.TimestampType, N: 1, I64: []int64{at}}, 0)
}

func keyFilter(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	wanted, err := decodeObject([]byte(text))
	if err != nil {
		return nil, usage("--key is no JSON object: %v", err)
	}
	return wanted, nil
}

func decodeObject(text []byte) (map[string]any, error) {
	var o map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return o, d.Decode(&o)
}

// matches reports whether a key has the values that are wanted.
func matches(key json.RawMessage, wanted map[string]any) bool {
	if wanted == nil {
		return true
	}
	has, err := decodeObject(key)
	if err != nil {
		return false
	}
	for name, value := range wanted {
		if got, there := has[name]; !there || !reflect.DeepEqual(got, value) {
			return false
		}
	}
	return true
}

// stateChange is a line of state diff.
type stateChange struct {
	Change   string          `json:"change"` // insert, update, delete
	Step     string          `json:"step"`
	Table    string          `json:"table"`
	KeyGroup int             `json:"key_group"`
	Segment  json.RawMessage `json:"segment,omitempty"`
	Key      json.RawMessage `json:"key"`
	Before   json.RawMessage `json:"before"`
	After    json.RawMessage `json:"after"`
}

func (p *process) stateDiff(ctx context.Context, location string, f stateFlags) error {
	from, err := storedAt(ctx, location, f.from)
	if err != nil {
		return err
	}
	to, err := storedAt(ctx, location, f.to)
	if err != nil {
		return err
	}
	if from.Incarnation != to.Incarnation {
		return usage("epochs %d and %d are of different incarnations of the flow", f.from, f.to)
	}
	for _, t := range tablesOf(append(append([]persistence.StateFile(nil), from.Files...), to.Files...), f) {
		err := from.Diff(ctx, to, t[0], t[1], func(d persistence.Difference) error {
			line := stateChange{Change: map[batch.RowKind]string{batch.Insert: "insert", batch.UpdateAfter: "update", batch.Delete: "delete"}[d.Kind],
				Step: t[0], Table: t[1], KeyGroup: d.Group, Key: objectOf(d.Spec.Keys, d.Key, d.KeyRow)}
			if d.Spec.Windowed {
				line.Segment = segmentText(d.Segment)
			}
			if d.Before != nil {
				line.Before = objectOf(d.Spec.Values, d.Before, 0)
			}
			if d.After != nil {
				line.After = objectOf(d.Spec.Values, d.After, 0)
			}
			if p.asJSON() {
				return p.print(line)
			}
			p.say("%s  %s  %s  %s%s  %s -> %s\n", line.Change, line.Step, line.Table, string(line.Segment), string(line.Key), string(line.Before), string(line.After))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
