package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.cluster.node.DiscoveryNode;
import org.elasticsearch.common.UUIDs;
import org.elasticsearch.common.bytes.ReleasableBytesReference;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.index.snapshots.blobstore.BlobStoreIndexShardSnapshot.FileInfo;
import org.elasticsearch.index.snapshots.blobstore.SnapshotFiles;
import org.elasticsearch.index.store.Store;
import org.elasticsearch.index.store.StoreFileMetadata;
import org.elasticsearch.indices.recovery.MultiChunkTransfer;
import org.elasticsearch.indices.recovery.MultiFileWriter;
import org.elasticsearch.indices.recovery.RecoveryState;
import org.elasticsearch.repositories.blobstore.FileRestoreContext;
import org.elasticsearch.snapshots.SnapshotId;

import java.util.List;
import java.util.stream.StreamSupport;

/** Follower side: the first copy of one shard, piece by piece and file by file. Any failure ends it; the next try begins at nothing. */
final class ShardCopy extends FileRestoreContext {
    private final CcrClient client;
    private final CopySpeed speed;
    private final AnswerLimit answers;
    private final String remoteCluster;
    private final ShardId leader;
    private final String copy = UUIDs.randomBase64UUID();
    /** The leader's node that holds the files, once it is known. */
    private volatile DiscoveryNode holder;

    ShardCopy(
        CcrClient client,
        CopySpeed speed,
        AnswerLimit answers,
        String remoteCluster,
        ShardId leader,
        String repositoryName,
        SnapshotId snapshotId,
        RecoveryState recoveryState
    ) {
        super(repositoryName, recoveryState.getShardId(), snapshotId, recoveryState);
        this.client = client;
        this.speed = speed;
        this.answers = answers;
        this.remoteCluster = remoteCluster;
        this.leader = leader;
    }

    void into(Store store, ActionListener<Void> listener) {
        ask(LeaderFilesAction.Request.open(leader, copy), listener.delegateFailureAndWrap((l, opened) -> {
            holder = opened.holder;
            List<FileInfo> files = StreamSupport.stream(opened.files.spliterator(), false).map(ShardCopy::wholeFile).toList();
            restore(new SnapshotFiles(snapshotId.getName(), files, null), store, ActionListener.runBefore(l, this::letGo));
        }));
    }

    private static FileInfo wholeFile(StoreFileMetadata file) {
        return new FileInfo(file.name(), file, null);
    }

    @Override
    protected void restoreFiles(List<FileInfo> files, Store store, ActionListener<Void> listener) {
        MultiFileWriter writer = new MultiFileWriter(store, recoveryState.getIndex(), "lab_ccr." + copy + ".", logger);
        ActionListener<Void> whenWritten = ActionListener.runAfter(listener.delegateFailureAndWrap((l, written) -> {
            writer.renameAllTempFiles();
            l.onResponse(null);
        }), writer::close);
        new Pieces(files.stream().map(FileInfo::metadata).toList(), writer, whenWritten).start();
    }

    private record Piece(StoreFileMetadata file, long offset, int length) implements MultiChunkTransfer.ChunkRequest {
        @Override
        public boolean lastChunk() {
            return offset + length == file.length();
        }
    }

    /** The pieces of all files, several requests at a time: a single one at a time would leave a long line empty. */
    private final class Pieces extends MultiChunkTransfer<StoreFileMetadata, Piece> {
        private final MultiFileWriter writer;
        private long offset;

        private Pieces(List<StoreFileMetadata> files, MultiFileWriter writer, ActionListener<Void> listener) {
            super(ShardCopy.logger, client.threadPool().getThreadContext(), listener, speed.concurrentChunks(), files);
            this.writer = writer;
        }

        @Override
        protected void onNewResource(StoreFileMetadata file) {
            offset = 0;
        }

        @Override
        protected Piece nextChunkRequest(StoreFileMetadata file) {
            Piece piece = new Piece(file, offset, (int) Math.min(speed.chunkBytes(), file.length() - offset));
            offset += piece.length;
            return piece;
        }

        @Override
        protected void executeChunkRequest(Piece piece, ActionListener<Void> listener) {
            String name = piece.file.name();
            LeaderFilesAction.Request read = LeaderFilesAction.Request.read(leader, holder, copy, name, piece.offset, piece.length);
            ActionListener<LeaderFilesAction.Response> whenRead = listener.map(response -> {
                writer.writeFileChunk(piece.file, piece.offset, ReleasableBytesReference.wrap(response.bytes), piece.lastChunk());
                return null;
            });
            client.later(speed.waitFor(piece.length), () -> ask(read, whenRead));
        }

        @Override
        protected void handleError(StoreFileMetadata file, Exception e) throws Exception {
            throw e;
        }

        @Override
        public void close() {}
    }

    private void ask(LeaderFilesAction.Request request, ActionListener<LeaderFilesAction.Response> listener) {
        client.remoteAsSystem(remoteCluster, LeaderFilesAction.REMOTE_TYPE, request, answers.on("files of " + leader, listener));
    }

    /** Without waiting for an answer: a commit that nothing asks for is let go of after a while anyway. */
    private void letGo() {
        client.remoteAsSystem(
            remoteCluster,
            LeaderFilesAction.REMOTE_TYPE,
            LeaderFilesAction.Request.close(leader, holder, copy),
            ActionListener.noop()
        );
    }
}
