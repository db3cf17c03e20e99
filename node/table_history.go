package node

import (
	"encoding/json"
	"time"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/spf13/cobra"
)

// historyLine is a version in table history.
type historyLine struct {
	Version             int64                      `json:"version"`
	Timestamp           string                     `json:"timestamp"`
	Operation           *string                    `json:"operation"`
	OperationParameters map[string]json.RawMessage `json:"operationParameters"`
	OperationMetrics    map[string]json.RawMessage `json:"operationMetrics"`
	IsolationLevel      *string                    `json:"isolationLevel"`
	IsBlindAppend       *bool                      `json:"isBlindAppend"`
	TxnID               *string                    `json:"txnId"`
	EngineInfo          *string                    `json:"engineInfo"`
}

func newHistoryLine(e delta.Entry) historyLine {
	l := historyLine{Version: e.Version, Timestamp: e.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		OperationParameters: map[string]json.RawMessage{}, OperationMetrics: map[string]json.RawMessage{}}
	if e.Info == nil {
		return l
	}
	some := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	l.Operation, l.IsolationLevel, l.IsBlindAppend = some(e.Info.Operation), some(e.Info.IsolationLevel), e.Info.IsBlindAppend
	l.TxnID, l.EngineInfo = some(e.Info.TxnID), some(e.Info.EngineInfo)
	l.OperationParameters, l.OperationMetrics = parameters(e.Info.Parameters), parameters(e.Info.Metrics)
	return l
}

func parameters(list []log.Parameter) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for _, p := range list {
		m[p.Name] = json.RawMessage(p.Value)
	}
	return m
}

func (p *process) tableHistoryCommand() *cobra.Command {
	limit := -1
	c := &cobra.Command{
		Use: "history PATH", Short: "The table's versions, the newest first", Args: cobra.ExactArgs(1),
		Example: "  deltaic table history lake/orders --limit 5\n  deltaic table history lake/orders --json",
		RunE: func(c *cobra.Command, args []string) error {
			if limit < -1 {
				return usage("--limit is %d", limit)
			}
			table, err := openTable(args[0])
			if err != nil {
				return err
			}
			if _, err := table.Head(c.Context()); err != nil {
				return err // a folder without a table has no history to be empty
			}
			if !p.asJSON() {
				p.say("%8s  %-24s  %-18s  %s\n", "version", "timestamp", "operation", "metrics")
			}
			if limit == 0 {
				return nil
			}
			for e, err := range table.History(c.Context()) {
				if err == nil {
					err = p.printHistory(newHistoryLine(e))
				}
				if limit--; err != nil || limit == 0 {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().IntVar(&limit, "limit", -1, "versions to print at most; -1: all")
	return c
}

func (p *process) printHistory(l historyLine) error {
	if p.asJSON() {
		return p.print(l)
	}
	operation := "-"
	if l.Operation != nil {
		operation = *l.Operation
	}
	metrics, err := json.Marshal(l.OperationMetrics)
	if err != nil {
		return err
	}
	p.say("%8d  %-24s  %-18s  %s\n", l.Version, l.Timestamp, operation, metrics)
	return nil
}

// fileLine is a live file in table files.
type fileLine struct {
	Path            string             `json:"path"`
	PartitionValues map[string]*string `json:"partitionValues"`
	Size            int64              `json:"size"`
	NumRecords      *int64             `json:"numRecords"`
	Stats           json.RawMessage    `json:"stats"`
	DeletionVector  *deletionVector    `json:"deletionVector"`
	Modified        string             `json:"modificationTime"`
}

type deletionVector struct {
	StorageType    string `json:"storageType"`
	PathOrInlineDv string `json:"pathOrInlineDv"`
	Offset         *int64 `json:"offset,omitempty"`
	SizeInBytes    int64  `json:"sizeInBytes"`
	Cardinality    int64  `json:"cardinality"`
}

func newFileLine(a log.Add) fileLine {
	l := fileLine{Path: a.Path, Size: a.Size, PartitionValues: map[string]*string{}, Stats: json.RawMessage("null"),
		Modified: time.UnixMilli(a.ModificationTime).UTC().Format("2006-01-02T15:04:05.000Z")}
	for _, v := range a.Partition {
		l.PartitionValues[v.Column] = nil
		if v.Value != "" {
			l.PartitionValues[v.Column] = &v.Value
		}
	}
	if json.Valid([]byte(a.Stats)) {
		l.Stats = json.RawMessage(a.Stats)
	}
	if n, known := log.NumRecords(a.Stats); known {
		l.NumRecords = &n
	}
	if d := a.DeletionVector; d != nil {
		l.DeletionVector = &deletionVector{d.StorageType, d.PathOrInline, d.Offset, d.SizeInBytes, d.Cardinality}
	}
	return l
}

func (p *process) tableFilesCommand() *cobra.Command {
	var version int64
	var where string
	c := &cobra.Command{
		Use: "files PATH", Short: "The live files of a version", Args: cobra.ExactArgs(1),
		Example: "  deltaic table files lake/orders --json\n  deltaic table files lake/orders --where \"day = DATE '2026-01-31'\"",
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkVersion(version); err != nil {
				return err
			}
			table, err := openTable(args[0])
			if err != nil {
				return err
			}
			s, err := table.SnapshotAt(c.Context(), version)
			if err != nil {
				return err
			}
			files := s.Files()
			if where != "" {
				if files, err = s.FilesWhere(where); err != nil {
					return invalid(err)
				}
			}
			for _, a := range files {
				l := newFileLine(a)
				if p.asJSON() {
					if err := p.print(l); err != nil {
						return err
					}
					continue
				}
				rows := "?"
				if l.NumRecords != nil {
					rows = commas(*l.NumRecords)
				}
				p.say("%12s bytes %12s rows  %s\n", commas(l.Size), rows, l.Path)
			}
			return nil
		},
	}
	c.Flags().Int64Var(&version, "version", -1, "version to list; -1: the newest")
	c.Flags().StringVar(&where, "where", "", "list only files that may have a row for which this SQL expression is true")
	return c
}
