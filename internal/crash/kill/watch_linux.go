package kill

import (
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// watcher tells of files that appear in folders.
type watcher struct {
	file    *os.File
	prefix  map[int32]string
	pending []string
	buffer  [64 << 10]byte
}

// watch begins to watch the folders; each name is told with its folder's prefix.
func watch(folders map[string]string) (*watcher, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	w := &watcher{file: os.NewFile(uintptr(fd), "inotify"), prefix: map[int32]string{}}
	for folder, prefix := range folders {
		id, err := syscall.InotifyAddWatch(fd, folder, syscall.IN_CREATE)
		if err != nil {
			w.close()
			return nil, err
		}
		w.prefix[int32(id)] = prefix
	}
	return w, nil
}

func (w *watcher) close() { _ = w.file.Close() }

// next waits until a file appears whose name begins so. Temporary files do not count.
func (w *watcher) next(begin string, patience time.Duration) {
	if err := w.file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return
	}
	for {
		for len(w.pending) > 0 {
			name := w.pending[0]
			w.pending = w.pending[1:]
			if strings.HasPrefix(name, begin) && !strings.Contains(name, ".tmp") {
				return
			}
		}
		if !w.read() {
			return
		}
	}
}

func (w *watcher) read() bool {
	n, err := w.file.Read(w.buffer[:])
	if err != nil || n <= 0 {
		return false
	}
	for at := 0; at+syscall.SizeofInotifyEvent <= n; {
		e := (*syscall.InotifyEvent)(unsafe.Pointer(&w.buffer[at]))
		at += syscall.SizeofInotifyEvent
		name := strings.TrimRight(string(w.buffer[at:at+int(e.Len)]), "\x00")
		at += int(e.Len)
		w.pending = append(w.pending, w.prefix[e.Wd]+name)
	}
	return true
}
