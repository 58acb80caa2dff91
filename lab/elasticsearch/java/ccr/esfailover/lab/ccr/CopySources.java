package esfailover.lab.ccr;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.apache.lucene.store.AlreadyClosedException;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.IndexInput;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.bytes.CompositeBytesReference;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.engine.Engine;
import org.elasticsearch.index.shard.IndexShard;
import org.elasticsearch.index.store.Store;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Leader side: the commits of this node's shards that followers copy. A commit is held until the copy ends or stops asking. */
final class CopySources {
    private static final Logger logger = LogManager.getLogger(CopySources.class);
    private static final TimeValue IDLE_LIMIT = TimeValue.timeValueMinutes(1);
    private static final int PART_BYTES = 64 << 10;

    private final CcrClient client;
    private final Map<String, Source> sources = new ConcurrentHashMap<>();

    private static final class Source {
        private final Store store;
        private final Engine.IndexCommitRef commit;
        private volatile long usedNanos = System.nanoTime();

        private Source(Store store, Engine.IndexCommitRef commit) {
            this.store = store;
            this.commit = commit;
        }
    }

    CopySources(CcrClient client) {
        this.client = client;
    }

    /** Holds the last commit whose operations are all below the global checkpoint, and lists its files. */
    Store.MetadataSnapshot open(String copy, IndexShard shard) throws IOException {
        Source source = new Source(shard.store(), shard.acquireSafeIndexCommit());
        sources.put(copy, source);
        try {
            Store.MetadataSnapshot files = shard.store().getMetadata(source.commit.getIndexCommit());
            closeWhenIdle(copy, source);
            return files;
        } catch (IOException | RuntimeException e) {
            close(copy);
            throw e;
        }
    }

    BytesReference read(String copy, String file, long offset, int length) throws IOException {
        Source source = sources.get(copy);
        if (source == null) {
            throw new IllegalArgumentException("lab_ccr: no copy [" + copy + "] is under way on this node");
        }
        source.usedNanos = System.nanoTime();
        if (source.store.tryIncRef() == false) {
            throw new AlreadyClosedException("lab_ccr: the leader shard is closed");
        }
        try (IndexInput input = source.store.directory().openInput(file, IOContext.DEFAULT)) {
            input.seek(offset);
            return read(input, length);
        } finally {
            source.store.decRef();
        }
    }

    /** In arrays of a size that a small heap has room for: the collector gives a larger one regions of its own. */
    private static BytesReference read(IndexInput input, int length) throws IOException {
        List<BytesReference> parts = new ArrayList<>();
        for (int done = 0; done < length; done += PART_BYTES) {
            byte[] bytes = new byte[Math.min(PART_BYTES, length - done)];
            input.readBytes(bytes, 0, bytes.length);
            parts.add(new BytesArray(bytes));
        }
        return CompositeBytesReference.of(parts.toArray(BytesReference[]::new));
    }

    void close(String copy) {
        Source source = sources.remove(copy);
        if (source != null) {
            try {
                source.commit.close();
            } catch (IOException | AlreadyClosedException e) {
                logger.debug("commit of a closed shard", e);
            }
        }
    }

    private void closeWhenIdle(String copy, Source source) {
        client.later(IDLE_LIMIT, () -> {
            if (sources.get(copy) != source) {
                return;
            }
            if (System.nanoTime() - source.usedNanos > IDLE_LIMIT.nanos()) {
                close(copy);
            } else {
                closeWhenIdle(copy, source);
            }
        });
    }
}
