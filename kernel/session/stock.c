// SPDX-License-Identifier: GPL-2.0
/*
 * The stock of a connection: memory for requests and their buffers.
 *
 * A connection keeps the requests that it has used, so that its next ones
 * cost no allocation, and with each the page that small reads and writes
 * need.  It never has more of them than it may have in flight.  Larger
 * buffers are made of a few larger pieces, which both the block layer and
 * the network take as they are.
 *
 * Kernels that clear pages when they are allocated spend more on that than on
 * all else that we do for a large write.  So full pieces are kept, up to a
 * number, for the requests that follow, charged as they were: those that nobody
 * else has, which are all of a WRITE's, and of a READ's those that were copied
 * (to TLS) or that the client has already.  The others the network has still.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "block/export.h"
#include "block/request.h"
#include "block/slow.h"
#include "session/conn.h"
#include "session/stock.h"

/*
 * Largest piece of a buffer, 32 KiB: what the page allocator hands out from
 * per-CPU lists, without a lock.
 */
#define PIECE_ORDER_MAX		3
#define PIECE_MAX		(PAGE_SIZE << PIECE_ORDER_MAX)

static struct kmem_cache *request_cache;

int nbdt_stock_init(void)
{
	request_cache = kmem_cache_create("nbdt_request",
					  sizeof(struct nbdt_request), 0,
					  SLAB_HWCACHE_ALIGN, NULL);
	return request_cache ? 0 : -ENOMEM;
}

void nbdt_stock_exit(void)
{
	kmem_cache_destroy(request_cache);
}

/* Which one nbdt_stock_take() will return; NULL if it has to make one. */
struct nbdt_request *nbdt_stock_next(const struct nbdt_conn *conn)
{
	return hlist_entry_safe(conn->free.first, struct nbdt_request, idle);
}

/**
 * nbdt_stock_take - a fresh request; thread of the connection only
 * @conn: that it came on
 *
 * Return: the request, or NULL.
 */
struct nbdt_request *nbdt_stock_take(struct nbdt_conn *conn)
{
	struct nbdt_request *req;

	req = nbdt_stock_next(conn);
	if (req) {
		__hlist_del(&req->idle);
	} else {
		req = kmem_cache_alloc(request_cache, GFP_KERNEL);
		if (!req)
			return NULL;
		req->page = NULL;
		req->origin = &conn->origin;
		req->disk = &conn->export->disk;
		nbdt_slow_init(req);
	}
	nbdt_request_reset(req);
	WRITE_ONCE(conn->in_flight, conn->in_flight + 1);
	return req;
}

/*
 * Keep a piece of a buffer, with its charge, unless somebody else has it: then
 * it is the network, which reads it until the client has it.
 */
static bool keep_piece(struct nbdt_request *req, const struct bio_vec *bvec)
{
	struct nbdt_conn *conn = nbdt_conn_of(req);

	if (bvec->bv_len != PIECE_MAX || conn->nr_spare == NBDT_SPARE_MAX ||
	    page_count(bvec->bv_page) != 1)
		return false;
	conn->spare[conn->nr_spare++] = bvec->bv_page;
	req->charged -= PIECE_MAX;
	return true;
}

/* As many kept pieces as the buffer has room for; they bring their charge. */
static void take_kept_pieces(struct nbdt_request *req)
{
	struct nbdt_conn *conn = nbdt_conn_of(req);

	while (conn->nr_spare && req->size - req->charged >= PIECE_MAX &&
	       req->nr_bvecs + 1 < req->max_bvecs) {
		req->bvecs[req->nr_bvecs++] = (struct bio_vec) {
			.bv_page = conn->spare[--conn->nr_spare],
			.bv_len = PIECE_MAX,
		};
		req->charged += PIECE_MAX;
	}
}

static void free_buffer(struct nbdt_request *req)
{
	unsigned int i;

	for (i = 0; i < req->nr_bvecs; i++) {
		if (req->bvecs[i].bv_page != req->page &&
		    !keep_piece(req, &req->bvecs[i]))
			put_page(req->bvecs[i].bv_page);
	}
	if (req->bvecs != req->inline_bvecs)
		kvfree(req->bvecs);
	kfree(req->more_bios);
	if (req->charged)
		nbdt_mem_uncharge(&nbdt_conn_of(req)->mem, req->charged);
}

/* The payload was read out of it; the reply needs another. */
void nbdt_stock_free_buffer(struct nbdt_request *req)
{
	free_buffer(req);
	nbdt_request_init_buffer(req);
}

static void give_back_pieces(struct nbdt_conn *conn)
{
	while (conn->nr_spare) {
		put_page(conn->spare[--conn->nr_spare]);
		nbdt_mem_uncharge(&conn->mem, PIECE_MAX);
	}
}

/**
 * nbdt_stock_put - be done with a request; thread of the connection only
 * @req: answered, or never to be
 */
void nbdt_stock_put(struct nbdt_request *req)
{
	struct nbdt_conn *conn = nbdt_conn_of(req);

	free_buffer(req);
	WRITE_ONCE(conn->in_flight, conn->in_flight - 1);
	hlist_add_head(&req->idle, &conn->free);
	if (conn->nr_spare && nbdt_mem_wanted())
		give_back_pieces(conn);
}

/* Give the connection's stock of requests and pieces back to the system. */
void nbdt_stock_empty(struct nbdt_conn *conn)
{
	struct nbdt_request *req;
	struct hlist_node *next;

	hlist_for_each_entry_safe(req, next, &conn->free, idle) {
		if (req->page) {
			put_page(req->page);
			nbdt_mem_uncharge(&conn->mem, PAGE_SIZE);
		}
		kmem_cache_free(request_cache, req);
	}
	INIT_HLIST_HEAD(&conn->free);
	give_back_pieces(conn);
}

/* A piece as large as is useful and easy to have; order 0 is had hard. */
static struct page *alloc_piece(size_t missing, size_t *len)
{
	unsigned int order = min_t(unsigned int, PIECE_ORDER_MAX,
				   get_order(missing));
	struct page *page;

	/* Don't round up to much more than is missing. */
	while (order && (PAGE_SIZE << order) > missing)
		order--;
	for (; order; order--) {
		page = alloc_pages((GFP_KERNEL & ~__GFP_DIRECT_RECLAIM) |
				   __GFP_COMP | __GFP_NOWARN, order);
		if (page)
			goto out;
	}
	page = alloc_page(GFP_KERNEL | __GFP_NOWARN);
out:
	*len = min_t(size_t, missing, PAGE_SIZE << order);
	return page;
}

/* The pieces were smaller than hoped for: a table for the smallest ones. */
static int grow_table(struct nbdt_request *req)
{
	/* One more, for what is received behind the payload. */
	unsigned int max = DIV_ROUND_UP(req->size, PAGE_SIZE) + 1;
	struct bio_vec *bvecs;

	bvecs = kvmalloc_array(max, sizeof(*bvecs), GFP_KERNEL);
	if (!bvecs)
		return -ENOMEM;
	memcpy(bvecs, req->bvecs, req->nr_bvecs * sizeof(*bvecs));
	req->bvecs = bvecs;
	req->max_bvecs = max;
	return 0;
}

static int alloc_pieces(struct nbdt_request *req)
{
	size_t missing = req->size - req->nr_bvecs * PIECE_MAX, len;
	struct page *page;

	while (missing) {
		if (req->nr_bvecs + 1 >= req->max_bvecs && grow_table(req))
			return -ENOMEM;
		page = alloc_piece(missing, &len);
		if (!page)
			return -ENOMEM;
		req->bvecs[req->nr_bvecs++] = (struct bio_vec) {
			.bv_page = page,
			.bv_len = len,
		};
		missing -= len;
	}
	return 0;
}

static int alloc_more_bios(struct nbdt_request *req)
{
	unsigned int bios = DIV_ROUND_UP(req->nr_bvecs, NBDT_BIO_PIECES);

	if (req->nr_bvecs <= BIO_MAX_VECS)
		return 0;
	req->more_bios = kcalloc(bios - 1, sizeof(struct bio), GFP_KERNEL);
	return req->more_bios ? 0 : -ENOMEM;
}

/*
 * Charge the connection's account, if need be with what it keeps for requests
 * to come.
 */
static bool charge(struct nbdt_conn *conn, size_t bytes)
{
	if (nbdt_mem_charge(&conn->mem, bytes))
		return true;
	if (hlist_empty(&conn->free) && !conn->nr_spare)
		return false;
	nbdt_stock_empty(conn);
	return nbdt_mem_charge(&conn->mem, bytes);
}

/*
 * Charge what kept pieces don't cover.  When that may not be, these are given
 * back first: a connection that waits for memory holds no more than it uses.
 */
static bool charge_buffer(struct nbdt_request *req, size_t bytes)
{
	struct nbdt_conn *conn = nbdt_conn_of(req);

	take_kept_pieces(req);
	if (!charge(conn, bytes - req->charged)) {
		if (!req->nr_bvecs)
			return false;
		while (req->nr_bvecs)
			put_page(req->bvecs[--req->nr_bvecs].bv_page);
		nbdt_mem_uncharge(&conn->mem, req->charged);
		req->charged = 0;
		if (!charge(conn, bytes))
			return false;
	}
	req->charged = bytes;
	return true;
}

/* It stays charged as long as it is kept. */
static int alloc_kept_page(struct nbdt_request *req)
{
	if (!req->page) {
		if (!charge(nbdt_conn_of(req), PAGE_SIZE))
			return -EBUSY;
		req->page = alloc_page(GFP_KERNEL | __GFP_NOWARN);
		if (!req->page) {
			nbdt_mem_uncharge(&nbdt_conn_of(req)->mem, PAGE_SIZE);
			return -ENOMEM;
		}
	}
	req->bvecs[0] = (struct bio_vec) {
		.bv_page = req->page,
		.bv_len = req->size,
	};
	req->nr_bvecs = 1;
	return 0;
}

/**
 * nbdt_stock_alloc_buffer - memory for a request's data
 * @req: with head and size set, without a buffer
 *
 * There is room in the table for one more piece behind the last.  What was
 * allocated before a failure is freed with the request.
 *
 * Return: 0; -EBUSY when the connection has to wait for memory (see
 * nbdt_mem_charge()); -ENOMEM when there is none to be had.
 */
int nbdt_stock_alloc_buffer(struct nbdt_request *req)
{
	size_t bytes = PAGE_ALIGN(req->size);
	int err;

	if (bytes == PAGE_SIZE)
		return alloc_kept_page(req);
	if (!charge_buffer(req, bytes))
		return -EBUSY;
	err = alloc_pieces(req);
	return err ?: alloc_more_bios(req);
}
