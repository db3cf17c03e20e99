package node

import (
	"runtime"
	"runtime/debug"

	"github.com/deltaic/deltaic/epochs"
	"github.com/spf13/cobra"
)

// Version is what `version --json` prints.
type Version struct {
	Version  string `json:"version"` // of the module, (devel) when built from a checkout
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision
	Modified bool   `json:"modified"`       // the checkout had changes
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Format   int    `json:"format"` // newest format of manifests and state files that is known
}

// version reads what the toolchain wrote into the binary: a version that is
// set by linker flags would be missing after `go install`.
func version() Version {
	v := Version{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Format: epochs.Format}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (p *process) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Example: "  deltaic version\n  deltaic version --json",
		RunE: func(*cobra.Command, []string) error {
			v := version()
			if p.asJSON() {
				return p.print(v)
			}
			p.say("deltaic %s %s/%s %s\n", v.Version, v.OS, v.Arch, v.Go)
			if v.Revision != "" {
				p.say("revision %s of %s\n", v.Revision, v.Time)
			}
			return nil
		},
	}
}
