/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/library_file.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Our own header, where the linker puts it: what machine this is, without a list of them. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* The file in memory. */
struct image {
	const char *bytes;
	size_t length;
	const ElfW(Phdr) * segments;
	size_t segment_count;
};

/* Whether so many bytes are there. */
static bool holds(const struct image *image, uint64_t offset, uint64_t length)
{
	return offset <= image->length && length <= image->length - offset;
}

/* Returns what is wrong with it, or NULL. */
static const char *check_header(struct image *image)
{
	const ElfW(Ehdr) *header = (const void *)image->bytes;
	const unsigned char *ours = __ehdr_start.e_ident;

	if (image->length < SELFMAG || memcmp(image->bytes, ELFMAG, SELFMAG) != 0) {
		return "is no shared object (cc -shared -fPIC makes one; "
		       "a program stands behind --)";
	}
	if (image->length < sizeof(*header)) {
		return "is cut short";
	}
	if (header->e_ident[EI_CLASS] != ours[EI_CLASS] ||
		header->e_ident[EI_DATA] != ours[EI_DATA] ||
		header->e_machine != __ehdr_start.e_machine) {
		return "is built for another machine";
	}
	if (header->e_type != ET_DYN) {
		return header->e_type == ET_REL
			? "is an object file (link it with cc -shared)"
			: "is a program, no shared object (to run it for each call: -- FILE)";
	}
	if (header->e_phentsize != sizeof(*image->segments) ||
		header->e_phoff % _Alignof(ElfW(Phdr)) != 0 ||
		!holds(image, header->e_phoff,
			(uint64_t)header->e_phnum * sizeof(*image->segments))) {
		return "is cut short";
	}
	image->segments = (const void *)(image->bytes + header->e_phoff);
	image->segment_count = header->e_phnum;
	return NULL;
}

/* The linker maps what the segments say; a byte beyond the end of the file is a SIGBUS. */
static const char *check_segments(const struct image *image)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const ElfW(Phdr) *segment = &image->segments[i];

		if (!holds(image, segment->p_offset, segment->p_filesz)) {
			return "is cut short";
		}
		if (segment->p_type == PT_INTERP) {
			return "is a program, no shared object (to run it for each call: -- FILE)";
		}
	}
	return NULL;
}

/* Returns where an address of the object is in the file, *length bytes up to its segment's end. */
static const char *at_address(const struct image *image, uint64_t address, size_t *length)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const ElfW(Phdr) *segment = &image->segments[i];

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
			address - segment->p_vaddr < segment->p_filesz) {
			*length = segment->p_filesz - (size_t)(address - segment->p_vaddr);
			return image->bytes + segment->p_offset + (address - segment->p_vaddr);
		}
	}
	return NULL;
}

static const ElfW(Dyn) * dynamic_table(const struct image *image, size_t *count)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const ElfW(Phdr) *segment = &image->segments[i];

		if (segment->p_type == PT_DYNAMIC && segment->p_offset % _Alignof(ElfW(Dyn)) == 0) {
			*count = segment->p_filesz / sizeof(ElfW(Dyn));
			return (const void *)(image->bytes + segment->p_offset);
		}
	}
	*count = 0;
	return NULL;
}

/* Whether a library's name is that of a runtime that must be there from the start. */
static bool is_runtime(const char *name)
{
	static const char *const runtimes[] = {
		"libasan.", "libtsan.", "libhwasan.", "libclang_rt.asan", "libclang_rt.tsan"};
	static const char shown[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (name[strspn(name, shown)]) {
		return false; /* none that there is */
	}
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		if (strncmp(name, runtimes[i], strlen(runtimes[i])) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_loaded(const char *name)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_NOLOAD);

	if (library) {
		dlclose(library);
	}
	return library;
}

/* Copies the name of a runtime that it needs and that is not there. Returns whether it does. */
static bool find_runtime(const struct image *image, char runtime[LIBRARY_RUNTIME_MOST])
{
	size_t count;
	const ElfW(Dyn) *table = dynamic_table(image, &count);
	const char *strings = NULL;
	size_t length = 0;

	for (size_t i = 0; i < count && table[i].d_tag != DT_NULL; i++) {
		if (table[i].d_tag == DT_STRTAB) {
			strings = at_address(image, table[i].d_un.d_ptr, &length);
		}
	}
	for (size_t i = 0; strings && i < count && table[i].d_tag != DT_NULL; i++) {
		uint64_t at = table[i].d_un.d_val;

		if (table[i].d_tag == DT_NEEDED && at < length) {
			const char *name = strings + at;
			size_t bytes = strnlen(name, length - at);

			if (bytes < LIBRARY_RUNTIME_MOST && bytes < length - at &&
				is_runtime(name) && !is_loaded(name)) {
				memcpy(runtime, name, bytes + 1);
				return true;
			}
		}
	}
	return false;
}

/* That of gcc is where libraries are; clang knows where it keeps its own. */
void library_file_refuse_runtime(const char *path, const char *runtime, struct buffer *refusal)
{
	struct utsname machine;
	char name[LIBRARY_RUNTIME_MOST];
	bool is_clangs;

	if (!runtime) {
		(void)uname(&machine);
		(void)snprintf(name, sizeof(name), "libclang_rt.asan-%.20s.so", machine.machine);
		runtime = name;
	}
	is_clangs = strncmp(runtime, "libclang", strlen("libclang")) == 0;
	buffer_appendf(refusal,
		"%s was built with a sanitizer, whose runtime has to be there from the start "
		"(LD_PRELOAD=%s%s%s, or build it without)",
		path, is_clangs ? "$(clang -print-file-name=" : "", runtime, is_clangs ? ")" : "");
}

static bool check_image(struct image *image, const char *path, struct buffer *refusal)
{
	char runtime[LIBRARY_RUNTIME_MOST];
	const char *wrong = check_header(image);

	wrong = wrong ? wrong : check_segments(image);
	if (wrong) {
		buffer_appendf(refusal, "%s %s", path, wrong);
		return false;
	}
	if (find_runtime(image, runtime)) {
		library_file_refuse_runtime(path, runtime, refusal);
		return false;
	}
	return true;
}

static bool check_open(int fd, const char *path, struct buffer *refusal)
{
	struct image image = {0};
	struct stat status;
	void *bytes;
	bool good;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		buffer_appendf(refusal, "%s is no file (a plugin is a shared object)", path);
		return false;
	}
	if (!status.st_size) {
		buffer_appendf(refusal, "%s is empty (a plugin is a shared object)", path);
		return false;
	}
	image.length = (size_t)status.st_size;
	bytes = mmap(NULL, image.length, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED) {
		buffer_appendf(refusal, "%s cannot be read: %s", path, strerror(errno));
		return false;
	}
	image.bytes = bytes;
	good = check_image(&image, path, refusal);
	munmap(bytes, image.length);
	return good;
}

bool library_file_check(const char *path, struct buffer *refusal)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool good;

	if (fd < 0) {
		buffer_appendf(refusal, "%s cannot be opened: %s", path, strerror(errno));
		return false;
	}
	good = check_open(fd, path, refusal);
	close(fd);
	return good;
}
