package node

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/spf13/cobra"
)

func (p *process) tableCommand() *cobra.Command {
	return group(&cobra.Command{Use: "table", Short: "Look into Delta tables and write to them",
		Example: "  deltaic table read lake/orders --limit 5\n  deltaic table describe lake/orders\n" +
			"  deltaic table append lake/orders --input new.json"},
		p.tableReadCommand(), p.tableDescribeCommand(), p.tableHistoryCommand(), p.tableChangesCommand(), p.tableFilesCommand(), p.tableFsckCommand(),
		p.tableCreateCommand(), p.tableAppendCommand())
}

// openTable returns the table at a location. It reads nothing and creates nothing.
func openTable(path string) (*delta.Table, error) {
	store, err := location.Open(path)
	if err != nil {
		return nil, err
	}
	return delta.Open(store, delta.Options{}), nil
}

// column is a column of a schema as commands print it.
type column struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
}

func columnsOf(s *batch.Schema) []column {
	all := []column{}
	if s == nil {
		return all
	}
	for _, f := range s.Fields {
		all = append(all, column{f.Name, log.TypeName(f.Type), f.Nullable})
	}
	return all
}

// names lists the columns.
func names(s *batch.Schema) string {
	all := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		all[i] = f.Name
	}
	return strings.Join(all, ", ")
}
