/* OWN_ALLOCATOR: under these sanitizers malloc is theirs; it can't be replaced, and mallinfo2 knows nothing
 * of it. */
#ifndef RA_TESTS_OWN_ALLOCATOR_H
#define RA_TESTS_OWN_ALLOCATOR_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_ALLOCATOR 1
#endif
#endif

#endif
