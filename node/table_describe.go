package node

import (
	"context"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
)

// described is what table describe prints.
type described struct {
	Version          int64             `json:"version"`
	TableID          string            `json:"table_id"`
	Name             string            `json:"name,omitempty"`
	Description      string            `json:"description,omitempty"`
	Protocol         protocol          `json:"protocol"`
	Configuration    map[string]string `json:"configuration"`
	Schema           []column          `json:"schema"`
	PartitionColumns []string          `json:"partition_columns"`
	LiveFiles        int               `json:"live_files"`
	LiveBytes        int64             `json:"live_bytes"`
	Rows             *int64            `json:"rows"` // null: the statistics do not tell
	RowsDeletedByDV  int64             `json:"rows_deleted_by_dv"`
	Txn              map[string]int64  `json:"txn"`
	Domains          map[string]string `json:"domains"`
	Log              describedLog      `json:"log"`
}

type protocol struct {
	MinReader      int      `json:"minReaderVersion"`
	MinWriter      int      `json:"minWriterVersion"`
	ReaderFeatures []string `json:"readerFeatures,omitempty"`
	WriterFeatures []string `json:"writerFeatures,omitempty"`
}

type describedLog struct {
	Commits            int                   `json:"commits"`
	FirstCommit        *int64                `json:"first_commit"` // null: only a checkpoint is left
	LatestVersion      int64                 `json:"latest_version"`
	Checkpoints        []describedCheckpoint `json:"checkpoints"`
	CRCVersions        []int64               `json:"crc_versions"`
	Compacted          [][2]int64            `json:"compacted"`
	LastCheckpointHint *int64                `json:"last_checkpoint_hint"`
}

type describedCheckpoint struct {
	Version  int64  `json:"version"`
	Kind     string `json:"kind"`
	Parts    int    `json:"parts,omitempty"`
	Sidecars int    `json:"sidecars,omitempty"`
	Adds     *int64 `json:"adds,omitempty"` // of the newest checkpoints
}

// countedCheckpoints is how many checkpoints table describe looks into.
const countedCheckpoints = 10

func (p *process) tableDescribeCommand() *cobra.Command {
	var version int64
	c := &cobra.Command{
		Use: "describe PATH", Short: "What a table is: schema, protocol, properties, files, log", Args: cobra.ExactArgs(1),
		Example: "  deltaic table describe lake/orders\n  deltaic table describe lake/orders --version 0 --json",
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkVersion(version); err != nil {
				return err
			}
			d, err := describeTable(c.Context(), args[0], version)
			if err != nil {
				return err
			}
			if p.asJSON() {
				return p.print(d)
			}
			p.sayTable(args[0], d)
			return nil
		},
	}
	c.Flags().Int64Var(&version, "version", -1, "version to describe; -1: the newest")
	return c
}

func describeTable(ctx context.Context, path string, version int64) (*described, error) {
	table, err := openTable(path)
	if err != nil {
		return nil, err
	}
	s, err := table.SnapshotAt(ctx, version)
	if err != nil {
		return nil, err
	}
	d := &described{Version: s.Version, TableID: s.Metadata.ID, Name: s.Metadata.Name, Description: s.Metadata.Description,
		Protocol:      protocol{s.Protocol.MinReader, s.Protocol.MinWriter, slices.Sorted(slices.Values(s.Protocol.ReaderFeatures)), slices.Sorted(slices.Values(s.Protocol.WriterFeatures))},
		Configuration: s.Metadata.Configuration, Schema: columnsOf(s.Schema), PartitionColumns: s.Metadata.PartitionColumns,
		LiveFiles: s.Len(), LiveBytes: s.Bytes(), Txn: map[string]int64{}, Domains: map[string]string{}}
	if d.Configuration == nil {
		d.Configuration = map[string]string{}
	}
	if d.PartitionColumns == nil {
		d.PartitionColumns = []string{}
	}
	if rows, known := s.Rows(); known {
		d.Rows = &rows
	}
	s.Each(func(a *log.Add) bool {
		if a.DeletionVector != nil {
			d.RowsDeletedByDV += a.DeletionVector.Cardinality
		}
		return true
	})
	for app, t := range s.Txns {
		d.Txn[app] = t.Version
	}
	for name, domain := range s.Domains {
		d.Domains[name] = domain.Configuration
	}
	return d, describeLog(ctx, table, &d.Log)
}

func describeLog(ctx context.Context, table *delta.Table, d *describedLog) error {
	in, err := table.Log().Inventory(ctx, countedCheckpoints)
	if err != nil {
		return err
	}
	*d = describedLog{Commits: len(in.Commits), Checkpoints: []describedCheckpoint{}, CRCVersions: append([]int64{}, in.Checksums...),
		Compacted: append([][2]int64{}, in.Compacted...), LastCheckpointHint: in.Hint}
	if n := len(in.Commits); n > 0 {
		d.FirstCommit, d.LatestVersion = &in.Commits[0].Version, in.Commits[n-1].Version
	}
	for i, c := range in.Checkpoints {
		line := describedCheckpoint{Version: c.Version, Kind: c.Kind, Parts: c.Parts, Sidecars: c.Sidecars}
		if len(in.Checkpoints)-i <= countedCheckpoints {
			line.Adds = &in.Checkpoints[i].Adds
		}
		d.Checkpoints = append(d.Checkpoints, line)
		d.LatestVersion = max(d.LatestVersion, c.Version)
	}
	return nil
}

func (p *process) sayTable(path string, d *described) {
	rows := "rows unknown"
	if d.Rows != nil {
		rows = humanize.Comma(*d.Rows) + " rows"
	}
	p.say("%s  version %d  %s  %d files  %s\n", path, d.Version, rows, d.LiveFiles, humanize.IBytes(uint64(max(0, d.LiveBytes))))
	p.say("id %s  reader %d  writer %d  features %v\n", d.TableID, d.Protocol.MinReader, d.Protocol.MinWriter, d.Protocol.WriterFeatures)
	for _, c := range d.Schema {
		null := ""
		if !c.Nullable {
			null = " NOT NULL"
		}
		if slices.Contains(d.PartitionColumns, c.Name) {
			null += " (partition)"
		}
		p.say("  %-24s %s%s\n", c.Name, c.Type, null)
	}
	for _, k := range sortedKeys(d.Configuration) {
		p.say("property  %s = %s\n", k, d.Configuration[k])
	}
	for _, k := range sortedKeys(d.Txn) {
		p.say("txn  %s at %d\n", k, d.Txn[k])
	}
	hint := "none"
	if d.Log.LastCheckpointHint != nil {
		hint = fmt.Sprint(*d.Log.LastCheckpointHint)
	}
	first := "none"
	if d.Log.FirstCommit != nil {
		first = fmt.Sprint(*d.Log.FirstCommit)
	}
	p.say("log  %d commits, first %s; %d checkpoints, newest %s\n", d.Log.Commits, first, len(d.Log.Checkpoints), hint)
}
