/** The Elasticsearch release that the lab runs. Its jars come from Maven Central, its Debian package from this folder. */
export const elasticsearchVersion = "9.5.3";
