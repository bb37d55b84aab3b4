// Where the library is that this code is in.
//
// Its parts, the live transport's module, kk-worker and the plugins of the installation, are found
// from there; no variable and no search path leads to them.
//
// A program of the installation that has the code linked into it, as kk has, is compiled with
// KK_PROGRAM_TO_LIBRARY: the way from its own directory to where the library would be.  It asks
// the kernel where it is itself; where /proc is not mounted that cannot be told.
//
// The answers are those of the first question, and stay for the life of the process: a later
// change of the working directory does not matter, and who asks while another thread loads a
// library does not wait until it has, as dladdr() would.
//
// Threads: any.
#ifndef KK_LIBRARY_H
#define KK_LIBRARY_H

// The directory as the dynamic linker came to it, absolute.  NULL where the code is linked into
// another program: that is no installation.
const char *kk_library_directory(void);

// The directory without symbolic links, of the library or of another program that has the code
// linked into it.  NULL if it cannot be told.
const char *kk_library_real_directory(void);

#endif
