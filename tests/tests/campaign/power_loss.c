/* A power loss, for a program that is killed: what was written to its store and not synced is gone.
 *
 * The kernel keeps what a killed process wrote, so SIGKILL alone never shows a sync that is missing. Loaded before the C
 * library (LD_PRELOAD), this keeps the written bytes of files named *.db, *.db-wal and *.db-journal in memory of the
 * process, and brings them to the file when the process syncs. SIGKILL then loses what a power loss may lose.
 *
 * Not simulated: torn or reordered sectors, a directory entry that is lost, and a disk that lies about a sync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES 64
#define MAX_DESCRIPTORS 65536

/* A file of the store: where it is for good, where it is for now, and what of it is not synced. */
struct kept {
    dev_t device;
    ino_t inode;
    int durable, memory;
    off_t low, high;
};

static struct kept files[MAX_FILES];
static int count;
/* 1 + the index of the file that a descriptor is of; 0 for all others. */
static unsigned char of[MAX_DESCRIPTORS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...) \
    static result (*real_##name)(__VA_ARGS__); \
    if (!real_##name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

static int ends_with(const char *path, const char *end) {
    size_t length = strlen(path), wanted = strlen(end);
    return length >= wanted && !strcmp(path + length - wanted, end);
}

static struct kept *file_of(int descriptor) {
    if (descriptor < 0 || descriptor >= MAX_DESCRIPTORS || !of[descriptor]) return NULL;
    return &files[of[descriptor] - 1];
}

static void copy(int from, int to, off_t low, off_t high) {
    REAL(ssize_t, pread64, int, void *, size_t, off64_t);
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    char buffer[65536];
    while (low < high) {
        size_t wanted = high - low < (off_t)sizeof buffer ? (size_t)(high - low) : sizeof buffer;
        ssize_t got = real_pread64(from, buffer, wanted, low);
        if (got <= 0 || real_pwrite64(to, buffer, got, low) != got) return;
        low += got;
    }
}

/* The same file, in memory: found again by its inode, so that all connections of the process see one. */
static int opened(int durable, int flags) {
    REAL(int, close, int);
    struct stat status;
    REAL(int, fstat64, int, struct stat64 *);
    if (durable < 0 || real_fstat64(durable, (struct stat64 *)&status)) return durable;
    pthread_mutex_lock(&mutex);
    int index = 0;
    while (index < count && (files[index].inode != status.st_ino || files[index].device != status.st_dev)) index++;
    if (index == count && count < MAX_FILES) {
        struct kept *file = &files[count++];
        file->device = status.st_dev;
        file->inode = status.st_ino;
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", durable);
        REAL(int, open64, const char *, int, ...);
        file->durable = real_open64(path, O_RDWR | O_CLOEXEC);
        file->memory = memfd_create("store", MFD_CLOEXEC);
        file->low = file->high = 0;
        copy(file->durable, file->memory, 0, status.st_size);
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", files[index].memory);
    REAL(int, open64, const char *, int, ...);
    int descriptor = real_open64(path, (flags & O_ACCMODE) | O_CLOEXEC);
    if (descriptor >= 0 && descriptor < MAX_DESCRIPTORS) of[descriptor] = index + 1;
    real_close(durable);
    pthread_mutex_unlock(&mutex);
    return descriptor;
}

static int is_kept(const char *path) {
    return ends_with(path, ".db") || ends_with(path, ".db-wal") || ends_with(path, ".db-journal");
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        REAL(int, name, const char *, int, ...); \
        int descriptor = real_##name(path, flags, mode); \
        return is_kept(path) ? opened(descriptor, flags) : descriptor; \
    }
OPEN(open)
OPEN(open64)

int close(int descriptor) {
    REAL(int, close, int);
    if (descriptor >= 0 && descriptor < MAX_DESCRIPTORS) of[descriptor] = 0;
    return real_close(descriptor);
}

static void changed(struct kept *file, off_t low, off_t high) {
    pthread_mutex_lock(&mutex);
    if (file->low == file->high) file->low = low, file->high = high;
    if (low < file->low) file->low = low;
    if (high > file->high) file->high = high;
    pthread_mutex_unlock(&mutex);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t at) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    ssize_t written = real_pwrite64(descriptor, bytes, length, at);
    struct kept *file = file_of(descriptor);
    if (file && written > 0) changed(file, at, at + written);
    return written;
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    REAL(ssize_t, write, int, const void *, size_t);
    ssize_t written = real_write(descriptor, bytes, length);
    struct kept *file = file_of(descriptor);
    if (file && written > 0) {
        off_t end = lseek(descriptor, 0, SEEK_CUR);
        changed(file, end - written, end);
    }
    return written;
}

static int synced(int descriptor) {
    struct kept *file = file_of(descriptor);
    if (!file) return 0;
    struct stat64 memory;
    REAL(int, fstat64, int, struct stat64 *);
    REAL(int, ftruncate64, int, off64_t);
    pthread_mutex_lock(&mutex);
    if (!real_fstat64(file->memory, &memory)) real_ftruncate64(file->durable, memory.st_size);
    copy(file->memory, file->durable, file->low, file->high);
    file->low = file->high = 0;
    pthread_mutex_unlock(&mutex);
    return 1;
}

int fsync(int descriptor) {
    REAL(int, fsync, int);
    return synced(descriptor) ? 0 : real_fsync(descriptor);
}

int fdatasync(int descriptor) {
    REAL(int, fdatasync, int);
    return synced(descriptor) ? 0 : real_fdatasync(descriptor);
}

/* The program compares the inode of what it opened with the one of the path. */
int fstat64(int descriptor, struct stat64 *status) {
    REAL(int, fstat64, int, struct stat64 *);
    int result = real_fstat64(descriptor, status);
    struct kept *file = file_of(descriptor);
    if (file && !result) {
        struct stat64 durable;
        real_fstat64(file->durable, &durable);
        status->st_dev = durable.st_dev;
        status->st_ino = durable.st_ino;
        status->st_nlink = durable.st_nlink;
        status->st_mode = durable.st_mode;
    }
    return result;
}

int fstat(int descriptor, struct stat *status) { return fstat64(descriptor, (struct stat64 *)status); }
